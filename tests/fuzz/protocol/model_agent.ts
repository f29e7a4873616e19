import assert from "node:assert/strict";
import type { AgentMessage, Counters } from "../../../lib/control/messages.ts";
import { DirectTranslator } from "../../../lib/agent/direct_translator.ts";
import {
  InstructionStore,
  type ParsedInstruction,
  type StoreEffect,
} from "../../../lib/agent/instruction_store.ts";
import {
  type InstructionMemory,
  InstructionTable,
  makeInstructionMemory,
  SEEN_FIN,
  SEEN_RST,
} from "../../../lib/agent/instruction_table.ts";
import { AGENT_COMMAND, AGENT_EVENT } from "../../../lib/agent/worker_protocol.ts";
import { Backlog } from "../../../lib/datapath/fresh_source.ts";
import { protocolNumber } from "../../../lib/wire/protocol.ts";
import { Slot } from "../support/slot.ts";
import type { Flying } from "./packets.ts";
import { type BrokenRules, LEASE_MS, PACKET_LIFE_MS, PORTS, STILL_MS } from "./settings.ts";

const TO_CLIENT = 1, TO_NAT = 2;
const slot = new Slot();
const NO_VNET_HEADER = new Uint8Array(10);
const TUN_QUEUE = 12;
/** One less than its servers' NAT endpoints: it is full now and then. */
const CAPACITY = 2 * PORTS - 1;

interface Command {
  readonly command: number;
  readonly id: number;
  readonly what: InForce | null;
}

/** An instruction that the worker may find. */
export interface InForce {
  readonly instruction: ParsedInstruction;
  readonly epoch: string;
}

export interface AgentSurroundings {
  readonly address: string;
  readonly broken: BrokenRules;
  /** By the agent's own clock. */
  now(): number;
  /** The world's clock, by which packets age. */
  worldMs(): number;
  send(nat: string, message: AgentMessage): void;
  /** A packet leaves as it came. */
  toNat(packet: Flying): void;
  /** A packet was translated by this instruction. */
  toClient(packet: Flying, before: Uint8Array<ArrayBuffer>, by: InForce): void;
}

/**
 * One process of an agent: store, table and translator are real; what `AgentMachine` and its worker
 * do with threads, the device and timers is done here, step by step, when the world says so.
 */
export class ModelAgent {
  readonly store: InstructionStore;
  readonly instance: string;
  epoch = "";
  able = true;
  /** Stopped by SIGSTOP: nothing happens, and packets wait. */
  frozen = false;
  /** A watchdog has taken the routes away: packets no longer come here. */
  unrouted = false;
  /** What the worker's index holds, by slot. */
  readonly inForce = new Map<number, InForce>();
  readonly #around: AgentSurroundings;
  readonly #memory: InstructionMemory = makeInstructionMemory(CAPACITY);
  readonly #table: InstructionTable;
  readonly #translator: DirectTranslator;
  readonly #device: Flying[] = [];
  /** Taken from the device and not handled yet, with the time that they are judged by. */
  #batch: { packets: Flying[]; nowMs: number } | null = null;
  readonly #backlog: Backlog;
  readonly #commands: Command[] = [];
  readonly #events: [event: number, id: number][] = [];

  constructor(around: AgentSurroundings, instance: string) {
    this.#around = around;
    this.instance = instance;
    const longestMs = around.broken.backlogSent ? Infinity : STILL_MS;
    this.#backlog = new Backlog({ longestMs, nowMs: around.now() });
    this.#table = new InstructionTable(this.#memory, [3, 5]);
    this.#translator = new DirectTranslator(this.#table, {
      epoch: 1,
      toClient: () => TO_CLIENT,
      toNat: () => TO_NAT,
      resolved: () => true,
      mtu: () => 1500,
    }, {
      closing: (id) => this.#events.push([AGENT_EVENT.closing, id]),
      reopened: (id) => this.#events.push([AGENT_EVENT.reopened, id]),
      resent: (id) => this.#events.push([AGENT_EVENT.resent, id]),
    });
    this.store = new InstructionStore({
      addresses: [around.address],
      capacity: CAPACITY,
      apply: (effect) => this.#apply(effect),
      send: (nat, message) => around.send(nat, message),
    });
  }

  /** The server sends into the device; false: it goes the ordinary way. */
  capture(packet: Flying): boolean {
    if (this.unrouted) return false;
    if (this.#device.length < TUN_QUEUE) this.#device.push(packet);
    return true;
  }

  /** The worker goes on by one step of its loop. */
  work(choice: number): void {
    if (this.#batch !== null) return this.#finish();
    if (this.#device.length > 0 && (choice % 3 !== 0 || this.#commands.length === 0)) {
      return this.#begin();
    }
    if (this.#device.length === 0) this.#backlog.take(0, false, this.#around.now());
    const next = this.#commands.shift();
    if (next !== undefined) this.#command(next);
  }

  get busy(): boolean {
    return this.#batch !== null || this.#device.length + this.#commands.length > 0 ||
      this.#events.length > 0;
  }

  /** The main thread takes one of the worker's events. */
  drain(): void {
    const next = this.#events.shift();
    if (next === undefined) return;
    const [event, id] = next;
    const now = this.#around.now();
    if (event === AGENT_EVENT.added) this.store.added(id);
    else if (event === AGENT_EVENT.removed) this.store.removed(id, this.#counted(id, now), { now });
    else if (event === AGENT_EVENT.reopened) this.store.remove(id, "the server opened anew");
    else {
      this.store.count(id, this.#counted(id, now), now);
      this.store.report(now);
    }
  }

  tick(): void {
    this.unrouted = false;
    this.store.tick(this.#around.now());
  }

  report(): void {
    const now = this.#around.now();
    for (const { id, state, packets } of this.store.instructions(now)) {
      if (state === "live" && packets !== this.#table.packets(id)) {
        this.store.count(id, this.#counted(id, now), now);
      }
    }
    this.store.report(now);
  }

  setAble(able: boolean): void {
    this.able = able;
    this.store.setAble(able, able ? null : "told so");
  }

  /** Instructions that would translate a packet that is taken now. */
  *usable(): Generator<InForce> {
    const now = this.#around.now();
    for (const [id, what] of this.inForce) if (this.#table.leased(id, now)) yield what;
  }

  #begin(): void {
    if (this.#batch !== null) return;
    this.#batch = { packets: [], nowMs: this.#around.now() };
    this.#take();
  }

  /** All that fits into a batch, which is more than the device holds. */
  #take(): void {
    const taken = this.#device.splice(0);
    if (this.#backlog.take(taken.length, false, this.#around.now())) return;
    // However long they have waited: from here on they live as if they were new.
    const bornMs = this.#around.worldMs();
    this.#batch!.packets.push(...taken.map(({ bytes }) => ({ bytes, bornMs })));
  }

  #finish(): void {
    const { packets, nowMs } = this.#batch!;
    this.#batch = null;
    for (const packet of packets) {
      if (this.#around.worldMs() - packet.bornMs > PACKET_LIFE_MS) continue;
      const { bytes, bornMs } = packet;
      assert.equal(slot.receive({ bytes, vnet: NO_VNET_HEADER }), 0);
      const { source, destination } = endsOf(slot);
      const by = [...this.inForce.values()].find(({ instruction: { match, protocol } }) =>
        equal(match.source, source) && equal(match.destination, destination) &&
        protocolNumber(protocol) === slot.packet.protocol
      );
      const hop = this.#translator.handle(slot.packet, slot.at, nowMs);
      const after = { bytes: slot.bytes.slice(), bornMs };
      if (!this.#translator.bypassed) this.#around.toNat(after);
      else {
        assert.equal(hop, TO_CLIENT);
        assert.ok(by, "a packet was translated by an instruction that was removed");
        this.#around.toClient(after, bytes, by);
      }
    }
  }

  #apply(effect: StoreEffect): void {
    const { broken } = this.#around;
    if (effect.kind === "lease") {
      const isLonger = broken.leaseFromReceipt && effect.untilMs > 0;
      const untilMs = isLonger ? this.#around.now() + LEASE_MS : effect.untilMs;
      this.#table.setLease(effect.lease, untilMs);
    } else if (effect.kind === "add") {
      const { id, lease, instruction } = effect;
      const { match, rewrite, protocol, pathMtu } = instruction;
      assert.ok(!this.inForce.has(id) || broken.stopAckedAtOnce, "an id is in use twice");
      this.#table.write(id, {
        protocol: protocolNumber(protocol),
        match,
        rewrite,
        lease,
        pathMtu,
      });
      const what = { instruction, epoch: this.epoch };
      this.#commands.push({ command: AGENT_COMMAND.add, id, what });
    } else {
      const { id } = effect;
      this.#commands.push({ command: AGENT_COMMAND.remove, id, what: null });
      if (broken.stopAckedAtOnce) {
        const now = this.#around.now();
        this.store.removed(id, this.#counted(id, now), { now });
      }
    }
  }

  #command({ command, id, what }: Command): void {
    if (command === AGENT_COMMAND.add) {
      this.#table.add(id);
      this.inForce.set(id, what!);
      this.#events.push([AGENT_EVENT.added, id]);
    } else {
      this.#table.remove(id);
      this.inForce.delete(id);
      this.#events.push([AGENT_EVENT.removed, id]);
    }
  }

  #counted(id: number, now: number): Counters {
    const table = this.#table;
    const packets = table.packets(id);
    const flags = table.flags(id);
    return {
      packets,
      bytes: table.bytes(id),
      idleMs: packets === 0 ? 0 : Math.max(0, Math.round(now - table.lastUsedMs(id))),
      fin: (flags & SEEN_FIN) !== 0,
      rst: (flags & SEEN_RST) !== 0,
      sequence: packets === 0 || !table.isTcp(id) ? null : table.sequence(id),
    };
  }
}

interface End {
  readonly word: number;
  readonly port: number;
}

function endsOf({ packet }: Slot): { source: End; destination: End } {
  return {
    source: { word: packet.addresses[3]!, port: packet.sourcePort },
    destination: { word: packet.addresses[7]!, port: packet.destinationPort },
  };
}

function equal(endpoint: ParsedInstruction["match"]["source"], end: End): boolean {
  return endpoint.port === end.port && endpoint.address.words[3] === end.word;
}
