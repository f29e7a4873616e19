/**
 * The agent's whole path: responses of a server with instructions for some of them, and hostile
 * packets among them.
 *
 * @module
 */

import { DirectTranslator } from "../../../lib/agent/direct_translator.ts";
import { InstructionTable, makeInstructionMemory } from "../../../lib/agent/instruction_table.ts";
import { DROP } from "../../../lib/session/drop_reason.ts";
import { type Endpoint, equalEndpoints, parseEndpoint } from "../../../lib/wire/address.ts";
import { REASON_COUNT, reasonName, UNKNOWN_PROTOCOL } from "../../../lib/wire/reason.ts";
import type { FuzzTarget, Reached } from "../support/fuzz.ts";
import { demand, judgeTranslated } from "../support/judge.ts";
import type { Random } from "../support/random.ts";
import { layoutOf, u16 } from "../support/reference.ts";
import { type Flying, flyingText, Slot } from "../support/slot.ts";
import { endpointsOf, type Places, Traffic } from "../support/traffic.ts";

const STEPS = 1000;
const CAPACITY = 256;
const TO_CLIENT = 1, TO_NAT = 2;

/** Seen from the server: it is the one that opens, and SNAT addresses are what it talks to. */
const PLACES: Places = {
  clients: { 4: ["10.0.0.11", "10.0.0.12"], 6: ["2001:db8:10::11"] },
  services: [
    { protocol: "tcp", family: 4, vip: "10.0.1.1:20001", servers: ["10.0.1.1:20001"] },
    { protocol: "udp", family: 4, vip: "10.0.1.1:20002", servers: ["10.0.1.1:20002"] },
    {
      protocol: "tcp",
      family: 6,
      vip: "[2001:db8:1::1]:20001",
      servers: ["[2001:db8:1::1]:20001"],
    },
    {
      protocol: "udp",
      family: 6,
      vip: "[2001:db8:1::1]:20002",
      servers: ["[2001:db8:1::1]:20002"],
    },
  ],
  odd: { 4: ["10.0.0.99", "203.0.113.10"], 6: ["2001:db8:f::10", "fe80::1"] },
  routers: { 4: ["10.0.0.254"], 6: ["2001:db8:10::fe"] },
};

interface Known {
  readonly protocol: number;
  readonly match: { readonly source: Endpoint; readonly destination: Endpoint };
  readonly rewrite: { readonly source: Endpoint; readonly destination: Endpoint };
  readonly lease: number;
  readonly pathMtu: number;
  /** A SYN was seen: not to be used any more. */
  isOver: boolean;
}

class AgentWorld {
  readonly #random: Random;
  readonly #reached: Reached;
  readonly #slot = new Slot();
  readonly #traffic: Traffic;
  readonly #table: InstructionTable;
  readonly #translator: DirectTranslator;
  readonly #known = new Map<number, Known>();
  /** The slots of the same, by what they match. */
  readonly #slots = new Map<string, number>();
  /** Until when each lease lasts. */
  readonly #leases = [1_000, 5_000, 1e9];
  #nowMs = 0;
  #epoch = 1;
  #mtu = 1500;
  #isResolved = true;
  #hasRoute = true;
  received = 0;

  constructor(random: Random, reached: Reached) {
    this.#random = random;
    this.#reached = reached;
    this.#traffic = new Traffic(PLACES, random);
    this.#table = new InstructionTable(makeInstructionMemory(CAPACITY), [random.word(), 7]);
    this.#leases.forEach((untilMs, i) => this.#table.setLease(i, untilMs));
    const epochOf = () => this.#epoch;
    this.#translator = new DirectTranslator(this.#table, {
      get epoch() {
        return epochOf();
      },
      toClient: () => this.#hasRoute ? TO_CLIENT : 0,
      toNat: () => TO_NAT,
      resolved: () => this.#isResolved,
      mtu: () => this.#mtu,
    }, {
      closing: (slot) => demand(this.#known.has(slot), "an unknown instruction ends"),
      resent: (slot) => demand(this.#known.has(slot), "an unknown instruction resends"),
      reopened: (slot) => {
        const known = this.#known.get(slot);
        demand(known !== undefined && !known.isOver, "it opened anew twice");
        known.isOver = true;
      },
    });
    for (let i = 0; i < 200; i++) this.#install();
  }

  #install(): void {
    const random = this.#random;
    const { protocol, family, vip } = random.pick(PLACES.services);
    const server = random.pick(PLACES.clients[family]);
    const end = (address: string, port: number) =>
      endpointOf(family === 4 ? `${address}:${port}` : `[${address}]:${port}`);
    const known: Known = {
      protocol: protocol === "tcp" ? 6 : 17,
      match: { source: end(server, 40_000 + random.below(40)), destination: endpointOf(vip) },
      rewrite: {
        source: end(family === 4 ? "203.0.113.10" : "2001:db8:f::10", 80),
        destination: end(family === 4 ? "198.51.100.2" : "2001:db8:c::2", random.between(1, 500)),
      },
      lease: random.below(3),
      pathMtu: random.pick([0, 0, 576, 1280, 1400]),
      isOver: false,
    };
    const key = keyOf(known.protocol, known.match.source, known.match.destination);
    if (this.#slots.has(key)) return;
    const slot = random.between(1, CAPACITY);
    this.#remove(slot);
    this.#table.write(slot, known);
    this.#table.add(slot);
    this.#known.set(slot, known);
    this.#slots.set(key, slot);
  }

  #remove(slot: number): void {
    const known = this.#known.get(slot);
    if (known === undefined) return;
    this.#table.remove(slot);
    this.#known.delete(slot);
    this.#slots.delete(keyOf(known.protocol, known.match.source, known.match.destination));
  }

  step(): void {
    if (this.#random.chance(0.03)) this.#happen();
    const input = this.#traffic.next();
    try {
      this.#packet(input);
    } catch (cause) {
      throw new Error(`packet ${this.received}: ${flyingText(input)}`, { cause });
    }
  }

  #packet(input: Flying): void {
    const slot = this.#slot;
    this.received++;
    const malformed = slot.receive(input);
    if (malformed !== 0 && malformed !== UNKNOWN_PROTOCOL) {
      demand(malformed > 0 && malformed < REASON_COUNT, `the reason ${malformed}`);
      slot.checkFences(input, 0);
      return this.#note(input, reasonName(malformed), null);
    }
    const before: Flying = {
      bytes: input.bytes.slice(0, slot.packet.totalBytes),
      vnet: input.vnet.slice(),
    };
    const known = this.#instructionFor(before);
    const wasOver = known?.isOver ?? true;
    const verdict = this.#translator.handle(slot.packet, slot.at, this.#nowMs);
    slot.checkFences(input, slot.packet.totalBytes);
    const after: Flying = { bytes: slot.bytes.slice(), vnet: slot.vnet.slice() };
    if (!this.#translator.bypassed) {
      demand(verdict === TO_NAT || verdict === -DROP.noRoute, `the verdict ${verdict}`);
      demand(isEqual(before.bytes, after.bytes), "a packet for the NAT machine was changed");
      demand(isEqual(before.vnet, after.vnet), "its virtio_net_hdr was changed");
      return this.#note(input, "to NAT", after.bytes);
    }
    demand(verdict === TO_CLIENT, `the verdict ${verdict}`);
    demand(known !== undefined && !wasOver, "a packet is bypassed without an instruction");
    demand(this.#leases[known.lease]! > this.#nowMs, "a packet is bypassed after the lease");
    demand(this.#isResolved && this.#hasRoute, "a packet is bypassed without a way");
    const mtuBytes = known.pathMtu === 0 ? this.#mtu : Math.min(known.pathMtu, this.#mtu);
    judgeTranslated(before, after, { hops: 0, mtuBytes });
    const [source, destination] = endpointsOf(after.bytes);
    demand(equals(source, known.rewrite.source), `it leaves from ${source}`);
    demand(equals(destination, known.rewrite.destination), `it goes to ${destination}`);
    this.#note(input, "bypassed", after.bytes);
  }

  /** What a packet with nothing odd about it may leave by. */
  #instructionFor({ bytes }: Flying): Known | undefined {
    const { protocol, l4, family, isFragment } = layoutOf(bytes)!;
    if (isFragment || l4 !== (family === 4 ? 20 : 40)) return undefined;
    if (protocol !== 6 && protocol !== 17) return undefined;
    if (protocol === 6 && (bytes[l4 + 13]! & 2) !== 0) return undefined;
    const addresses = family === 4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
    const key = `${protocol} ${addresses.join()} ${u16(bytes, l4)} ${u16(bytes, l4 + 2)}`;
    return this.#known.get(this.#slots.get(key) ?? 0);
  }

  #note(input: Flying, signal: string, forwarded: Uint8Array<ArrayBuffer> | null): void {
    this.#reached.add(signal);
    const layout = layoutOf(input.bytes);
    const kind = layout === null ? "" : `${layout.family}/${layout.protocol}/${layout.isFragment}`;
    this.#traffic.learn(input, `${signal} ${kind}`, forwarded);
  }

  #happen(): void {
    const random = this.#random;
    switch (random.below(5)) {
      case 0:
        this.#nowMs += random.pick([1, 10, 500]);
        return;
      case 1:
        return this.#install();
      case 2:
        return this.#remove(random.pick([...this.#known.keys(), 0]));
      case 3: {
        const lease = random.below(3);
        this.#leases[lease] = this.#nowMs + random.pick([0, 100, 5000]);
        return this.#table.setLease(lease, this.#leases[lease]!);
      }
      default:
        this.#epoch++;
        this.#mtu = random.pick([1500, 1500, 1400, 9000]);
        this.#isResolved = random.chance(0.8);
        this.#hasRoute = random.chance(0.9);
    }
  }
}

function keyOf(protocol: number, source: Endpoint, destination: Endpoint): string {
  const addresses = [...source.address.toBytes(), ...destination.address.toBytes()];
  return `${protocol} ${addresses.join()} ${source.port} ${destination.port}`;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const parsed = new Map<string, Endpoint>();

/** As `parseEndpoint`, with what was read remembered. */
function endpointOf(text: string): Endpoint {
  let known = parsed.get(text);
  if (known === undefined) {
    if (parsed.size > 10_000) parsed.clear();
    known = parseEndpoint(text);
    parsed.set(text, known);
  }
  return known;
}

/** Whether a text of `endpointsOf` is that endpoint. */
function equals(text: string, endpoint: Endpoint): boolean {
  return equalEndpoints(endpointOf(text), endpoint);
}

export const agentPath: FuzzTarget = {
  name: "agent",
  cases: 20,
  run(random, reached) {
    const world = new AgentWorld(random, reached);
    for (let i = 0; i < STEPS; i++) world.step();
    return world.received;
  },
};
