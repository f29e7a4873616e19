import { DirectTranslator } from "../../../lib/agent/direct_translator.ts";
import {
  InstructionTable,
  type InstructionWords,
  makeInstructionMemory,
  SEEN_FIN,
  SEEN_RST,
} from "../../../lib/agent/instruction_table.ts";
import { KEPT } from "../../../lib/datapath/engine.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "../../../lib/nat/fragment_translator.ts";
import type { DatapathConfig } from "../../../lib/nat/datapath_config.ts";
import { Translator } from "../../../lib/nat/translator.ts";
import { DROP, dropName } from "../../../lib/session/drop_reason.ts";
import { DIRECT, F64, HOLD_NONE, regionBytes, U16, U8 } from "../../../lib/session/layout.ts";
import { formatTable } from "../../../lib/session/session_records.ts";
import { SessionTable } from "../../../lib/session/session_table.ts";
import { SessionViewer, usedSlots, type ViewContext } from "../../../lib/session/session_view.ts";
import { TCP_FIN, TCP_RST } from "../../../lib/session/tcp_state.ts";
import { parseEndpoint } from "../../../lib/wire/address.ts";
import { Packet } from "../../../lib/wire/packet.ts";
import { PARSED, reasonName, UNKNOWN_PROTOCOL } from "../../../lib/wire/reason.ts";
import { check } from "../../../lib/wire/virtio_net_header.ts";
import type { TimeoutName } from "./case.ts";
import { endText, textOf } from "./names.ts";
import { look } from "./reference.ts";
import { DEFAULT_TIMEOUTS } from "./setup.ts";
import type { Counted, Injection, Output, Result, SessionRef, World } from "./world.ts";
import { countedBetween } from "./world.ts";

const IP_OFFSET = 24;
const ETHERNET_HEADER_BYTES = 14;
const CAPACITY = 64;
const MTU = 1500;
const NO_CONTEXT: ViewContext = { nowMs: 0, serviceName: (vip) => vip, leaseMs: () => 0 };
const TO_ROUTER = 1, TO_S1 = 2, TO_S2 = 3, TO_NAT = 4;

/** The translators alone, with a clock that stands still until it is moved: bytes in, bytes out. */
export class PureWorld implements World {
  readonly kind = "pure";
  readonly #table: SessionTable;
  readonly #translator: Translator;
  readonly #agent: DirectTranslator;
  readonly #instructions = new InstructionTable(makeInstructionMemory(16), [1, 2]);
  readonly #replies: Output[] = [];
  readonly #followers: Output[] = [];
  readonly #fragments = new ArrayBuffer(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
  readonly #crossed = new Set<number>();
  /** Where the instruction of a session is. */
  readonly #instructionOf = new Map<number, number>();
  /** Instructions of which a FIN or RST was seen. */
  readonly #closing: number[] = [];
  readonly #written = new Map<number, InstructionWords>();
  #nextInstruction = 1;
  #nowMs = 1_000_000;
  #received = 0;
  #forwarded = 0;
  #answered = 0;
  readonly #dropped: Record<string, number> = {};

  constructor(config: DatapathConfig) {
    const region = new ArrayBuffer(regionBytes(CAPACITY));
    formatTable(region, CAPACITY, { epoch: 7, bootId: [] });
    this.#table = new SessionTable(region, [3, 5]);
    let seed = 1;
    this.#translator = new Translator({
      table: this.#table,
      hops: { epoch: 1, toAddress: hopTo, mtu: () => MTU },
      events: {
        crossed: (slot) => {
          this.#crossed.add(slot);
          return true;
        },
        ended: (slot) => {
          // As the main thread does when the agent has acknowledged the stop.
          this.#removeInstruction(slot);
          this.#table.setU8(slot, U8.hold, HOLD_NONE);
          return true;
        },
        opened: () => {},
        closed: () => {},
        undelivered: () => {},
        pathMtu: (slot, _id, mtu) => {
          // As the main thread does by another instruction.
          const at = this.#instructionOf.get(slot);
          if (at !== undefined) this.#write(at, { ...this.#written.get(at)!, pathMtu: mtu });
          return true;
        },
      },
      sender: {
        emit: (packet, hop) => {
          this.#replies.push(this.#output(packet, { hop, partial: false, segmentBytes: 0 }));
          return true;
        },
        follow: (slot, packetBytes, hop) => {
          const at = slot + IP_OFFSET;
          const bytes = new Uint8Array(this.#fragments.slice(at, at + packetBytes));
          this.#forwarded++;
          this.#followers.push(this.#output(bytes, { hop, partial: false, segmentBytes: 0 }));
        },
      },
      fragmentMemory: { buffer: this.#fragments, offset: 0 },
      config,
      random: () => (seed = (seed * 16807) % 2147483647) / 2147483647,
      nowMs: this.#nowMs,
    });
    this.#agent = new DirectTranslator(this.#instructions, {
      epoch: 1,
      toClient: () => TO_ROUTER,
      toNat: () => TO_NAT,
      resolved: () => true,
      mtu: () => MTU,
    }, {
      // As the agent reports it, and the main thread hands it on.
      closing: (at) => this.#closing.push(at),
      resent: () => {},
      reopened: () => {},
    });
  }

  send(injection: Injection): Promise<Result> {
    const before = this.#counted();
    const out = injection.toAgent ? this.#toAgent(injection) : this.#toNat(injection);
    for (const at of this.#closing.splice(0)) this.#report(at);
    out.push(...this.#followers.splice(0), ...this.#replies.splice(0));
    return Promise.resolve({ out, counted: countedBetween(before, this.#counted()) });
  }

  /** At once: there is no channel that takes time. */
  pathMtuHeard(): Promise<void> {
    return Promise.resolve();
  }

  bypass(session: Parameters<World["bypass"]>[0]): Promise<void> {
    const slot = this.#slotOf(session);
    if (slot === 0) throw new Error("There is no session to bypass");
    if (!this.#crossed.has(slot)) throw new Error("The session has not met its criteria");
    const at = this.#nextInstruction++;
    const endpoint = (end: { address: Uint8Array; port: number }) => parseEndpoint(endText(end));
    this.#write(at, {
      protocol: session.protocol === "tcp" ? 6 : 17,
      match: { source: endpoint(session.server), destination: endpoint(session.nat) },
      rewrite: { source: endpoint(session.vip), destination: endpoint(session.client) },
      lease: 0,
      pathMtu: this.#table.getU16(slot, U16.pathMtu),
    });
    this.#instructions.add(at);
    this.#instructions.setLease(0, Infinity);
    this.#instructionOf.set(slot, at);
    this.#table.setGeneration(slot, 1);
    return Promise.resolve();
  }

  #write(at: number, instruction: InstructionWords): void {
    this.#written.set(at, instruction);
    this.#instructions.write(at, instruction);
  }

  /** What the main thread writes into the records when an agent has reported. */
  #reportCounters(): void {
    for (const [slot, at] of this.#instructionOf) {
      const packets = this.#instructions.packets(at);
      if (packets === this.#table.getDirect(slot, DIRECT.packets)) continue;
      this.#table.setDirect(slot, DIRECT.packets, packets);
      this.#table.setF64(slot, F64.agentSeenMs, this.#nowMs);
    }
  }

  #report(at: number): void {
    const slot = [...this.#instructionOf].find(([, each]) => each === at)?.[0];
    if (slot === undefined) return;
    const seen = this.#instructions.flags(at);
    const flags = ((seen & SEEN_FIN) !== 0 ? TCP_FIN : 0) | ((seen & SEEN_RST) !== 0 ? TCP_RST : 0);
    this.#translator.agentSaw(slot, this.#table.getF64(slot, F64.id), flags, this.#nowMs);
  }

  #removeInstruction(slot: number): void {
    const at = this.#instructionOf.get(slot);
    if (at === undefined) return;
    this.#instructions.remove(at);
    this.#instructionOf.delete(slot);
  }

  session(session: SessionRef): Promise<string> {
    const slot = this.#slotOf(session);
    const view = slot === 0 ? null : new SessionViewer(this.#table).view(slot, NO_CONTEXT);
    return Promise.resolve(view?.state ?? "none");
  }

  idle(timeout: TimeoutName, until: "just before" | "just after"): Promise<Counted> {
    const before = this.#counted();
    this.#pass(DEFAULT_TIMEOUTS[timeout] * (until === "just before" ? 0.999 : 1.001));
    return Promise.resolve(countedBetween(before, this.#counted()));
  }

  leftovers(): Promise<string[]> {
    this.#pass(DEFAULT_TIMEOUTS.tcpEstablished * 1.1);
    this.#pass(DEFAULT_TIMEOUTS.quarantine * 2);
    const left = this.#table.used;
    const instructions = this.#instructionOf.size;
    return Promise.resolve([
      ...(left === 0 ? [] : [`${left} sessions`]),
      ...(instructions === 0 ? [] : [`${instructions} instructions`]),
    ]);
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    const lost = this.#translator.expire(this.#nowMs, 1_000_000);
    for (let i = 0; i < lost; i++) this.#drop("fragment");
  }

  #slotOf({ protocol, client, vip }: SessionRef): number {
    const viewer = new SessionViewer(this.#table);
    for (const slot of usedSlots(this.#table)) {
      const view = viewer.view(slot, NO_CONTEXT);
      if (view === null || view.protocol !== protocol) continue;
      if (view.client === endText(client) && view.vip === endText(vip)) return slot;
    }
    return 0;
  }

  /** As the engine does between the source and the handler. */
  #parse(bytes: Uint8Array, injection: Injection): Packet | null {
    this.#received++;
    if (injection.mac !== "machine") return this.#drop(dropName(DROP.notForUs)!);
    const slot = new Uint8Array(IP_OFFSET + bytes.length);
    slot.set(bytes, IP_OFFSET);
    const packet = new Packet();
    packet.attach(slot.buffer);
    if (injection.partial) fillVnetHeader(slot, bytes);
    const reason = packet.parse(IP_OFFSET, bytes.length);
    if (reason !== PARSED && reason !== UNKNOWN_PROTOCOL) return this.#drop(reasonName(reason));
    const bad = check(packet.view, 0, ETHERNET_HEADER_BYTES + bytes.length, packet);
    return bad === PARSED ? packet : this.#drop(reasonName(bad));
  }

  #toNat(injection: Injection): Output[] {
    const packet = this.#parse(injection.bytes, injection);
    if (packet === null) return [];
    const verdict = this.#translator.handle(packet, 0, this.#nowMs);
    return this.#leave(packet, verdict);
  }

  #toAgent(injection: Injection): Output[] {
    const packet = this.#parse(injection.bytes, injection);
    if (packet === null) return [];
    const verdict = this.#agent.handle(packet, 0, this.#nowMs);
    if (verdict !== TO_NAT) {
      this.#reportCounters();
      return this.#leave(packet, verdict);
    }
    this.#forwarded++;
    const bytes = packet.bytes.slice(IP_OFFSET, IP_OFFSET + packet.totalBytes);
    return this.#toNat({ ...injection, bytes, mac: "machine" });
  }

  #leave(packet: Packet, verdict: number): Output[] {
    if (verdict === KEPT) return [];
    if (verdict < 0) {
      this.#drop(dropName(-verdict) ?? reasonName(-verdict));
      return [];
    }
    if (verdict === 0) {
      this.#answered++;
      return [];
    }
    this.#forwarded++;
    const bytes = packet.bytes.slice(IP_OFFSET, IP_OFFSET + packet.totalBytes);
    return [this.#output(bytes, {
      hop: verdict,
      partial: (packet.bytes[0]! & 1) !== 0,
      segmentBytes: packet.bytes[1] === 0 ? 0 : packet.view.getUint16(4, true),
    })];
  }

  #output(
    bytes: Uint8Array,
    { hop, partial, segmentBytes }: { hop: number; partial: boolean; segmentBytes: number },
  ): Output {
    const side = hop === TO_S1 ? "S1" : hop === TO_S2 ? "S2" : "client";
    const by = this.#agent.bypassed && hop === TO_ROUTER ? "agent" : "nat";
    return { side, by, bytes: bytes.slice(), partial, segmentBytes };
  }

  #drop(reason: string): null {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
    return null;
  }

  #counted(): Counted {
    return {
      received: this.#received,
      forwarded: this.#forwarded,
      answered: this.#answered,
      dropped: { ...this.#dropped },
    };
  }
}

/** Where the routing table of the lab's NAT machine leads. */
function hopTo(words: Int32Array, at: number): number {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < 4; i++) view.setInt32(4 * i, words[at + i]!);
  const isV4 = words[at + 2] === 0xffff && words[at] === 0 && words[at + 1] === 0;
  const text = textOf(isV4 ? bytes.slice(12) : bytes);
  if (/^10\.0\.0\.11$|:10::11$/.test(text)) return TO_S1;
  if (/^10\.0\.0\.12$|:10::12$/.test(text)) return TO_S2;
  return TO_ROUTER;
}

/** What the kernel puts before a packet whose checksum it leaves to the device. */
function fillVnetHeader(slot: Uint8Array, packet: Uint8Array): void {
  const { l4Offset, protocol } = look(packet);
  const view = new DataView(slot.buffer);
  view.setUint8(0, 1);
  view.setUint16(6, ETHERNET_HEADER_BYTES + l4Offset, true);
  view.setUint16(8, protocol === 6 ? 16 : 6, true);
}
