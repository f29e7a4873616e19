/**
 * The NAT machine's whole path, from the bytes of a frame to the bytes of a frame: conversations under
 * way, in both directions, with hostile packets among them, time that passes, commands of the main
 * thread and other configurations.
 *
 * @module
 */

import { KEPT } from "../../../lib/datapath/engine.ts";
import type { DatapathConfig, DatapathService } from "../../../lib/nat/datapath_config.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "../../../lib/nat/fragment_translator.ts";
import { Translator } from "../../../lib/nat/translator.ts";
import { DROP, dropName } from "../../../lib/session/drop_reason.ts";
import { F64, FLAG, RECORD_BYTES, regionBytes, U16, U8 } from "../../../lib/session/layout.ts";
import { AffinityTable } from "../../../lib/session/affinity_table.ts";
import { formatTable } from "../../../lib/session/session_records.ts";
import { SessionTable } from "../../../lib/session/session_table.ts";
import { STATE } from "../../../lib/session/tcp_state.ts";
import { IpAddress } from "../../../lib/wire/address.ts";
import { buildPacket } from "../../../lib/wire/build_frame.ts";
import { isError } from "../../../lib/wire/icmp_quote.ts";
import { REASON_COUNT, reasonName, UNKNOWN_PROTOCOL } from "../../../lib/wire/reason.ts";
import { ServerBoard } from "../../../lib/policy/server_board.ts";
import type { FuzzTarget, Reached } from "../support/fuzz.ts";
import { demand, judgeError, judgeReply, judgeTranslated } from "../support/judge.ts";
import type { Random } from "../support/random.ts";
import { isIpChecksumRight, layoutOf, mendIp, u16, u32 } from "../support/reference.ts";
import { type Flying, flyingText, Slot } from "../support/slot.ts";
import { fragmentKey, hostOf, type Places, Traffic } from "../support/traffic.ts";

const STEPS = 1000;
const WORDS = RECORD_BYTES / 4;
const TO_SERVERS = 1, TO_CLIENTS = 2;
const DAY_MS = 24 * 60 * 60 * 1000;

const PLACES: Places = {
  clients: {
    4: ["198.51.100.2", "198.51.100.3", "192.0.2.77", "8.8.8.8"],
    6: ["2001:db8:c::2", "2001:db8:c::3", "2001:db8:d::1"],
  },
  services: [
    {
      protocol: "tcp",
      family: 4,
      vip: "203.0.113.10:80",
      servers: ["10.0.0.11:8080", "10.0.0.12:8080"],
    },
    { protocol: "udp", family: 4, vip: "203.0.113.10:53", servers: ["10.0.0.11:53"] },
    { protocol: "tcp", family: 4, vip: "203.0.113.11:443", servers: ["10.0.0.12:443"] },
    {
      protocol: "tcp",
      family: 6,
      vip: "[2001:db8:f::10]:80",
      servers: ["[2001:db8:10::11]:8080", "[2001:db8:10::12]:8080"],
    },
    {
      protocol: "udp",
      family: 6,
      vip: "[2001:db8:f::10]:53",
      servers: ["[2001:db8:10::11]:53"],
    },
  ],
  odd: {
    4: ["10.0.0.11", "10.0.1.1", "203.0.113.11", "127.0.0.1", "203.0.113.10", "224.0.0.1"],
    6: ["2001:db8:10::11", "2001:db8:1::1", "fe80::1", "::1", "ff02::1"],
  },
  routers: { 4: ["192.0.2.1", "198.51.100.1"], 6: ["2001:db8:2::1", "2001:db8:c::1"] },
};
const SNAT = ["10.0.1.1", "10.0.1.2", "2001:db8:1::1"];

/** What an address is to the NAT machine. */
const OTHER = 0, VIP = 1, NAT = 2, SERVER = 3;
const KINDS = new Map<number, number>([
  ...PLACES.services.map(({ vip }) => [addressKey(words(vip), 0), VIP] as const),
  ...PLACES.services.flatMap(({ servers }) =>
    servers.map((server) => [addressKey(words(server), 0), SERVER] as const)
  ),
  ...SNAT.map((address) => [addressKey(words(address), 0), NAT] as const),
]);

/** A number for an address of PLACES; what collides with one is none of them, see `kindOf`. */
function addressKey(words: ArrayLike<number>, at: number): number {
  return (words[at + 1]! >>> 0) * 2 ** 20 + ((words[at + 3]! ^ (words[at]! * 3)) >>> 0);
}

function kindOf(words: ArrayLike<number>, at: number): number {
  const isOurs = words[at + 2] === 0xffff || (words[at + 2] === 0 && words[at] === 0x20010db8);
  return isOurs ? KINDS.get(addressKey(words, at)) ?? OTHER : OTHER;
}

/** Source words 0-3 and destination words 4-7 of the packet at an offset; IPv4 in mapped form. */
function readAddresses(bytes: Uint8Array, at = 0): Int32Array {
  const words = new Int32Array(8);
  if (bytes[at]! >> 4 === 4) {
    words[2] = words[6] = 0xffff;
    words[3] = u32(bytes, at + 12);
    words[7] = u32(bytes, at + 16);
  } else for (let i = 0; i < 8; i++) words[i] = u32(bytes, at + 8 + 4 * i);
  return words;
}

function same(a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number): boolean {
  return a[aAt + 3] === b[bAt + 3] && a[aAt + 2] === b[bAt + 2] && a[aAt + 1] === b[bAt + 1] &&
    a[aAt] === b[bAt];
}

function words(text: string): number[] {
  return [...IpAddress.parse(hostOf(text)).words];
}

function datapathEndpoint(text: string) {
  return { words: words(text), port: Number(text.slice(text.lastIndexOf(":") + 1)) };
}

/** Servers of which some take no sessions, or only a part, or a few. */
function randomBoard(random: Random, servers: readonly string[]): SharedArrayBuffer {
  const board = new ServerBoard(servers.map((name) => ({ name, weight: 1 })));
  servers.forEach((_, i) => {
    board.shares[i] = random.pick([0, 0.3, 1, 1, 1, 1]);
    board.limits[i] = random.pick([0, 3, Infinity, Infinity, Infinity]);
  });
  return board.buffer;
}

function randomConfig(random: Random, portLast: number): DatapathConfig {
  const services = PLACES.services.map(({ protocol, vip, servers }): DatapathService => ({
    name: vip,
    protocol: protocol === "tcp" ? 6 : 17,
    vip: datapathEndpoint(vip),
    scheduler: random.pick(["round-robin", "maglev", "least-sessions", "source-hash"] as const),
    servers: servers.map((server) => ({ ...datapathEndpoint(server), weight: 1 })),
    start: random.pick([
      { never: true as const },
      { immediately: true as const },
      { packets: 3 },
      { bytes: 4000 },
    ]),
    board: randomBoard(random, servers),
    ...(random.chance(0.4) && { affinity: { ipv4: 24, ipv6: 64, timeoutMs: 60_000 } }),
  }));
  return {
    destinations: [],
    snat: SNAT.map(words),
    portFirst: 20_000,
    portLast,
    reject: random.chance(0.8),
    echo: random.chance(0.8),
    timeouts: {
      tcpOpeningMs: 240_000,
      tcpEstablishedMs: 7_440_000,
      tcpClosingMs: 240_000,
      udpOpeningMs: 30_000,
      udpMs: 300_000,
      quarantineMs: 60_000,
    },
    services: random.chance(0.9) ? services : services.filter(() => random.chance(0.7)),
  };
}

/** Made once: it is large. */
const FRAGMENT_MEMORY = new ArrayBuffer(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);

/** One NAT machine, without its sockets. */
class NatWorld {
  readonly #random: Random;
  readonly #reached: Reached;
  readonly #slot = new Slot();
  readonly #traffic: Traffic;
  readonly #table: SessionTable;
  readonly #translator: Translator;
  readonly #fragments = FRAGMENT_MEMORY;
  readonly #portLast: number;
  readonly #mtus = { [TO_SERVERS]: 1500, [TO_CLIENTS]: 1500 };
  #unreachable: readonly number[][] = [];
  readonly #kept = new Map<string, Flying>();
  readonly #replies: Uint8Array<ArrayBuffer>[] = [];
  readonly #followers: { bytes: Uint8Array<ArrayBuffer>; hop: number }[] = [];
  readonly counts = { received: 0, forwarded: 0, answered: 0, dropped: 0, kept: 0, lost: 0 };
  #epoch = 1;
  #nowMs = 1_000_000;
  #input: Flying | null = null;

  constructor(random: Random, reached: Reached) {
    this.#random = random;
    this.#reached = reached;
    new Uint8Array(FRAGMENT_MEMORY).fill(0);
    this.#traffic = new Traffic(PLACES, random);
    const capacity = random.pick([4, 16, 64, 256]);
    this.#portLast = 20_000 + random.pick([0, 3, 15, 200]);
    const region = new ArrayBuffer(regionBytes(capacity));
    formatTable(region, capacity, { epoch: 7, bootId: [] });
    this.#table = new SessionTable(region, [random.word(), random.word()]);
    this.#translator = new Translator({
      table: this.#table,
      hops: this.#hops(),
      events: {
        crossed: () => random.chance(0.9),
        ended: () => random.chance(0.9),
        undelivered: () => {},
        pathMtu: (_slot, _id, mtu) => {
          demand(mtu >= 68 && mtu <= 65535, `a path MTU of ${mtu}`);
          return random.chance(0.9);
        },
        opened: (slot) => demand(slot > 0 && slot <= capacity, "a session outside the table"),
        closed: (slot) => this.#closed(slot),
      },
      sender: {
        emit: (reply) => {
          this.#replies.push(reply.slice());
          return random.chance(0.95);
        },
        follow: (at, bytes, hop) => this.#follow(at, bytes, hop),
      },
      fragmentMemory: { buffer: this.#fragments, offset: 0 },
      config: randomConfig(random, this.#portLast),
      affinity: new AffinityTable(new ArrayBuffer(AffinityTable.bytes(16)), [random.word(), 1]),
      random: () => random.fraction(),
      nowMs: this.#nowMs,
    });
  }

  #hops() {
    const epochOf = () => this.#epoch;
    return {
      get epoch() {
        return epochOf();
      },
      mtu: (hop: number) => this.#mtus[hop as 1 | 2],
      toAddress: (at: Int32Array, offset: number) => {
        for (const words of this.#unreachable) if (same(words, 0, at, offset)) return 0;
        return kindOf(at, offset) === SERVER ? TO_SERVERS : TO_CLIENTS;
      },
    };
  }

  /** A packet of the translator's decides only about its own session, or about half-open ones. */
  #closed(slot: number): void {
    const input = this.#input;
    const state = this.#table.getU8(slot, U8.state);
    if (input === null || state === STATE.opening || state === STATE.answered) return;
    const packet = readAddresses(input.bytes);
    const mine = this.#isSession(slot, input.bytes, packet, false) ||
      this.#isSession(slot, input.bytes, packet, true);
    demand(mine, `a packet ended a session of another, in state ${state}`);
  }

  /** Is the packet, as it came, one of this session from that side? By looking, without an index. */
  #isSession(slot: number, bytes: Uint8Array, packet: Int32Array, fromServer: boolean): boolean {
    const table = this.#table;
    const { l4, protocol } = layoutOf(bytes)!;
    if (table.getU8(slot, U8.protocol) !== protocol) return false;
    const [source, destination] = [u16(bytes, l4), u16(bytes, l4 + 2)];
    const { dictionary } = table;
    if (!fromServer) {
      const vip = table.getU16(slot, U16.vip);
      return table.getU16(slot, U16.clientPort) === source &&
        table.dictionaryPort(vip) === destination &&
        same(table.i32, slot * WORDS, packet, 0) && same(dictionary, vip * 8, packet, 4);
    }
    const server = table.getU16(slot, U16.server);
    return table.getU16(slot, U16.natPort) === destination &&
      table.dictionaryPort(server) === source &&
      same(dictionary, server * 8, packet, 0) &&
      same(dictionary, table.getU16(slot, U16.natAddress) * 8, packet, 4);
  }

  /** The session of a packet as it came, 0 without one. */
  #sessionOf(bytes: Uint8Array, fromServer: boolean): number {
    const packet = readAddresses(bytes);
    const { highWater } = this.#table;
    const flag = fromServer ? FLAG.outbound : FLAG.inbound;
    for (let slot = 1; slot <= highWater; slot++) {
      if (this.#table.getU8(slot, U8.state) === STATE.free) continue;
      if ((this.#table.getU8(slot, U8.flags) & flag) === 0) continue;
      if (this.#isSession(slot, bytes, packet, fromServer)) return slot;
    }
    return 0;
  }

  #follow(at: number, packetBytes: number, hop: number): void {
    const start = at + 24;
    this.#followers.push({
      bytes: new Uint8Array(this.#fragments.slice(start, start + packetBytes)),
      hop,
    });
    for (const byte of new Uint8Array(this.#fragments, at, 10)) {
      demand(byte === 0, "a kept fragment has something in its virtio_net_hdr");
    }
  }

  step(): void {
    if (this.#random.chance(0.03)) this.#happen();
    const input = this.#traffic.next();
    try {
      this.#packet(input);
    } catch (cause) {
      throw new Error(`packet ${this.counts.received}: ${flyingText(input)}`, { cause });
    }
  }

  #packet(input: Flying): void {
    const { counts } = this;
    const slot = this.#slot;
    counts.received++;
    const malformed = slot.receive(input);
    if (malformed !== 0 && malformed !== UNKNOWN_PROTOCOL) {
      demand(malformed > 0 && malformed < REASON_COUNT, `the reason ${malformed}`);
      slot.checkFences(input, 0);
      counts.dropped++;
      return this.#note(input, reasonName(malformed), null);
    }
    const { packet } = slot;
    const before: Flying = {
      bytes: input.bytes.slice(0, packet.totalBytes),
      vnet: input.vnet.slice(),
    };
    const isIcmpError = malformed === 0 && isError(packet);
    const pathMtu = this.#pathMtuOf(before);
    this.#input = before;
    this.#replies.length = 0;
    this.#followers.length = 0;
    const givenBytes = packet.totalBytes;
    const verdict = this.#translator.handle(packet, slot.at, this.#nowMs);
    this.#input = null;
    slot.checkFences(input, givenBytes);
    if (verdict <= 0) this.#judgeReplies(before, verdict);
    if (verdict >= 0) this.#judgeFollowers(before, verdict);
    else demand(this.#followers.length === 0, "fragments follow a packet that was dropped");
    if (verdict > 0) {
      counts.forwarded++;
      const sent: Flying = { bytes: slot.bytes.slice(), vnet: slot.vnet.slice() };
      const sizes = Math.min(pathMtu, this.#mtus[verdict as 1 | 2]);
      const after = this.#whole(before, sent, sizes);
      // What was cut is no larger than the link, part by part; later fragments have no session.
      const isLimited = after === sent && !isIcmpError && !slot.packet.isFragment;
      this.#judge(before, after, { verdict, isIcmpError, mtuBytes: isLimited ? sizes : Infinity });
      demand(this.#replies.length === 0, "something is sent that belongs to no packet");
      return this.#note(input, `to ${verdict}${isIcmpError ? " error" : ""}`, after.bytes);
    }
    if (verdict === KEPT) {
      counts.kept++;
      const { fragmentOffset } = layoutOf(before.bytes)!;
      this.#kept.set(fragmentKey(before.bytes, fragmentOffset), before);
      return this.#note(input, "kept", null);
    }
    if (verdict === 0) counts.answered++;
    else {
      demand(nameOf(-verdict) !== undefined, `the verdict ${verdict}`);
      counts.dropped++;
    }
    this.#note(input, verdict === 0 ? "answered" : nameOf(-verdict)!, null);
  }

  #note(input: Flying, signal: string, forwarded: Uint8Array<ArrayBuffer> | null): void {
    this.#reached.add(signal);
    const layout = layoutOf(input.bytes);
    const kind = layout === null ? "" : `${layout.family}/${layout.protocol}/${layout.isFragment}`;
    this.#traffic.learn(input, `${signal} ${kind}`, forwarded);
  }

  /** The path MTU of the packet's session, before the packet changes anything. */
  #pathMtuOf(before: Flying): number {
    if (kindOf(readAddresses(before.bytes), 4) !== NAT) return Infinity;
    const { protocol, fragmentOffset } = layoutOf(before.bytes)!;
    const hasPorts = (protocol === 6 || protocol === 17) && fragmentOffset === 0;
    const slot = hasPorts ? this.#sessionOf(before.bytes, true) : 0;
    // What a router may cut is cut by the router.
    const mayBeCut = before.bytes[0]! >> 4 === 4 && (before.bytes[6]! & 0x40) === 0;
    return slot === 0 || mayBeCut ? Infinity : this.#table.getU16(slot, U16.pathMtu) || Infinity;
  }

  #judge(before: Flying, after: Flying, { verdict, isIcmpError, mtuBytes }: Judgement): void {
    const { protocol, l4, fragmentOffset } = layoutOf(before.bytes)!;
    const came = readAddresses(before.bytes);
    const leaves = readAddresses(after.bytes);
    const to = kindOf(came, 4);
    // In IPv6 the protocol that a later fragment names means nothing (RFC 8200, 4.5).
    const isPartOfEcho = fragmentOffset > 0 && to === VIP && same(came, 4, leaves, 0);
    if (isPartOfEcho) {
      judgeTranslated(before, after, { hops: hopLimitOf(before.bytes) - 64, mtuBytes: Infinity });
      return demand(same(came, 0, leaves, 4), "a part of an echo goes astray");
    }
    const isLater6 = fragmentOffset > 0 && before.bytes[0]! >> 4 === 6;
    const isTransport = protocol === 6 || protocol === 17 || isLater6;
    demand(isIcmpError || isTransport, `protocol ${protocol} is forwarded`);
    const options = { hops: 1, mtuBytes };
    if (isIcmpError) judgeError(before, after, options);
    else judgeTranslated(before, after, options);
    demand(to === NAT || to === VIP, "what is not for the NAT machine is forwarded");
    if (to === NAT) {
      demand(verdict === TO_CLIENTS || kindOf(leaves, 4) === SERVER, "the wrong hop");
      demand(kindOf(leaves, 0) === VIP, "something else than a VIP is shown to a client");
    } else {
      demand(verdict === TO_SERVERS && kindOf(leaves, 4) === SERVER, "it goes to no server");
      demand(isIcmpError || kindOf(leaves, 0) === NAT, "who it comes from is shown to a server");
    }
    if (isIcmpError) {
      const quoted = readAddresses(after.bytes, l4 + 8);
      const statedBytes = before.bytes[0]! >> 4 === 4
        ? after.bytes[l4 + 5]! * 4
        : [2, 4].includes(after.bytes[l4]!)
        ? 0
        : after.bytes[l4 + 4]! * 8;
      const hasExtensions = statedBytes > 0 && l4 + 8 + statedBytes < after.bytes.length;
      demand(
        to === VIP || !hasExtensions,
        "what the servers' network is like is shown to a client",
      );
      demand(same(quoted, 0, leaves, 4), "the quote is not of the one who gets the error");
      demand(kindOf(quoted, 4) === (to === NAT ? VIP : NAT), "a quote shows who it went to");
      demand(
        to === NAT || !same(leaves, 0, came, 0) || !same(came, 0, quotedTo(before, l4), 0),
        "an error shows the client to a server",
      );
      return;
    }
    if (fragmentOffset === 0) this.#judgeSession(before.bytes, after.bytes, leaves, to === NAT);
  }

  /** Both sides of the packet are what its session's record says. */
  #judgeSession(
    before: Uint8Array,
    after: Uint8Array,
    leaves: Int32Array,
    fromServer: boolean,
  ): void {
    const table = this.#table;
    const slot = this.#sessionOf(before, fromServer);
    demand(slot !== 0, "a packet without a session is forwarded");
    const state = table.getU8(slot, U8.state);
    demand(state !== STATE.quarantine, "a packet of a session that is over is forwarded");
    const { l4 } = layoutOf(after)!;
    const [source, destination] = [u16(after, l4), u16(after, l4 + 2)];
    const { dictionary } = table;
    const vip = table.getU16(slot, U16.vip);
    const server = table.getU16(slot, U16.server);
    const right = fromServer
      ? same(dictionary, vip * 8, leaves, 0) && table.dictionaryPort(vip) === source &&
        same(table.i32, slot * WORDS, leaves, 4) &&
        table.getU16(slot, U16.clientPort) === destination
      : same(dictionary, table.getU16(slot, U16.natAddress) * 8, leaves, 0) &&
        table.getU16(slot, U16.natPort) === source &&
        same(dictionary, server * 8, leaves, 4) && table.dictionaryPort(server) === destination;
    demand(right, "the packet leaves for others than those of its session");
  }

  /** Fragments that were kept leave after their first one, as that one does. */
  #judgeFollowers(before: Flying, verdict: number): void {
    const first = verdict > 0 ? this.#slot.bytes : this.#replies[0];
    if (first === undefined) return demand(this.#followers.length === 0, "what do they follow?");
    for (const { bytes, hop } of this.#followers) {
      const { fragmentOffset } = layoutOf(bytes)!;
      const key = fragmentKey(before.bytes, fragmentOffset);
      const original = this.#kept.get(key);
      demand(original !== undefined, `a fragment at ${fragmentOffset} follows that was not kept`);
      this.#kept.delete(key);
      const after = this.#whole(original, { bytes, vnet: new Uint8Array(10) }, 65_535);
      const hops = verdict > 0 ? 1 : hopLimitOf(original.bytes) - 64;
      judgeTranslated(original, after, { hops, mtuBytes: Infinity });
      const [whole, part] = [readAddresses(first), readAddresses(bytes)];
      demand(same(whole, 0, part, 0) && same(whole, 4, part, 4), "a fragment goes astray");
      demand(
        fragmentKey(bytes, 0) === fragmentKey(first, 0),
        "a fragment leaves with another identification",
      );
      demand(hop > 0 && hopLimitOf(bytes) > 0, "a fragment leaves with a hop limit of 0");
      this.counts.forwarded++;
    }
    if (verdict === 0) this.#replies.length = 0;
  }

  /** What was sent in parts, put together again; the parts are taken out of what was emitted. */
  #whole(before: Flying, first: Flying, mtuBytes: number): Flying {
    const was = layoutOf(before.bytes)!;
    const is = layoutOf(first.bytes)!;
    if (was.family === 6 || is.end >= was.end || this.#replies.length === 0) return first;
    const from = was.fragmentOffset;
    const to = from + was.end - was.l4;
    const parts = [first.bytes];
    for (const part of this.#replies) {
      const { fragmentOffset } = layoutOf(part)!;
      if (fragmentOffset > from && fragmentOffset < to) parts.push(part);
    }
    for (const part of parts.slice(1)) this.#replies.splice(this.#replies.indexOf(part), 1);
    const whole = before.bytes.slice();
    whole.set(first.bytes.subarray(0, 20));
    let bytes = 20;
    for (const part of parts) {
      const { l4, end, fragmentOffset } = layoutOf(part)!;
      demand(isIpChecksumRight(part, layoutOf(part)!), "a part's IP checksum is wrong");
      demand(end === part.length, "a part's length is wrong");
      const isLast = fragmentOffset + end - l4 === to && (before.bytes[6]! & 0x20) === 0;
      demand(((part[6]! & 0x20) === 0) === isLast, "a part says wrongly whether it is the last");
      demand(end <= mtuBytes, "a part is larger than the link carries");
      whole.set(part.subarray(l4), 20 + fragmentOffset - from);
      bytes += end - l4;
    }
    demand(bytes === whole.length, "the parts are not the whole");
    whole.set(before.bytes.subarray(2, 4), 2);
    whole.set(before.bytes.subarray(6, 8), 6);
    mendIp(whole);
    return { bytes: whole, vnet: first.vnet };
  }

  #judgeReplies(before: Flying, verdict: number): void {
    demand(this.#replies.length <= 1, "one packet is answered twice");
    for (const reply of this.#replies) {
      judgeReply(before, reply, verdict === 0 || verdict === -DROP.echo);
    }
  }

  /** Time passes, or somebody else does something. */
  #happen(): void {
    const random = this.#random;
    const table = this.#table;
    const slot = random.between(1, Math.max(1, table.highWater));
    const id = random.chance(0.8) ? table.getF64(slot, F64.id) : random.below(1000);
    switch (random.below(8)) {
      case 0:
      case 1:
        return this.#pass(random.pick([1, 10, 300, 1_100, 31_000]));
      case 2:
        return this.#pass(random.pick([61_000, 241_000, 301_000, 7_500_000]));
      case 3:
        return this.#translator.agentSaw(slot, id, random.pick([1, 4, 17]), this.#nowMs);
      case 4:
        return this.#translator.rearm(slot, id);
      case 5:
        // The main thread lets go of a session.
        return table.setU8(slot, U8.hold, 0);
      case 6:
        this.#epoch++;
        this.#mtus[TO_CLIENTS] = random.pick([1500, 1400, 1280, 9000]);
        this.#mtus[TO_SERVERS] = random.pick([1500, 1400, 9000]);
        this.#unreachable = [
          ...(random.chance(0.3) ? [words(random.pick(PLACES.services).servers[0]!)] : []),
          ...(random.chance(0.3) ? [words(PLACES.clients[4][0]!)] : []),
        ];
        return;
      default:
        if (random.chance(0.3)) {
          this.#translator.configure(randomConfig(random, this.#portLast));
        }
    }
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    this.counts.lost += this.#translator.expire(this.#nowMs, 1_000_000);
  }

  /** The records, the index and the counts say the same. */
  check(): void {
    const table = this.#table;
    const inbound = new Set<string>();
    const outbound = new Set<string>();
    let used = 0;
    for (let slot = 1; slot <= table.highWater; slot++) {
      const state = table.getU8(slot, U8.state);
      if (state === STATE.free) continue;
      used++;
      demand(state <= STATE.quarantine, `the state ${state}`);
      const protocol = table.getU8(slot, U8.protocol);
      const server = table.getU16(slot, U16.server);
      const nat = table.getU16(slot, U16.natAddress);
      const port = table.getU16(slot, U16.natPort);
      demand(port >= 20_000 && port <= this.#portLast, `the NAT port ${port}`);
      demand(kindOf(table.dictionary, nat * 8) === NAT, "a session without a NAT address");
      const outboundKey = `${protocol} ${server} ${nat} ${port}`;
      demand(!outbound.has(outboundKey), `two sessions share ${outboundKey}`);
      outbound.add(outboundKey);
      const found = table.findOutbound(
        server,
        nat,
        port,
        protocol,
      );
      demand(found === slot, `the index finds ${found} from the server's side, not ${slot}`);
      if ((table.getU8(slot, U8.flags) & FLAG.inbound) === 0) continue;
      const words = table.i32.subarray(slot * WORDS, slot * WORDS + 4).join();
      const [clientPort, vip] = [table.getU16(slot, U16.clientPort), table.getU16(slot, U16.vip)];
      const inboundKey = `${protocol} ${words} ${clientPort} ${vip}`;
      demand(!inbound.has(inboundKey), `two sessions share ${inboundKey}`);
      inbound.add(inboundKey);
      const at = table.findInbound(
        table.i32,
        slot * WORDS,
        clientPort,
        vip,
        protocol,
      );
      demand(at === slot, `the index finds ${at} from the client's side, not ${slot}`);
    }
    demand(used === table.used, `${used} sessions, ${table.used} counted`);
  }

  /** When everybody has gone and all timers have fired, nothing is left. */
  end(): void {
    const table = this.#table;
    for (let days = 0; days < 3; days++) {
      for (let slot = 1; slot <= table.highWater; slot++) table.setU8(slot, U8.hold, 0);
      this.#pass(DAY_MS);
    }
    demand(table.used === 0, `${table.used} sessions are left`);
    const { received, forwarded, answered, dropped, kept, lost } = this.counts;
    const followed = forwarded + answered + dropped + kept - received;
    demand(followed + lost === kept, `${kept} fragments kept, ${followed} sent, ${lost} lost`);
    this.#fillPool();
  }

  /** Every port is free again: as many sessions fit as there are NAT endpoints. */
  #fillPool(): void {
    const config = randomConfig(this.#random, this.#portLast);
    const services = PLACES.services.slice(2, 3).map(({ vip, servers }) => ({
      ...config.services[0]!,
      protocol: 6,
      vip: datapathEndpoint(vip),
      servers: servers.map((server) => ({ ...datapathEndpoint(server), weight: 1 })),
      board: new ServerBoard(servers.map((name) => ({ name, weight: 1 }))).buffer,
    }));
    if (services[0] === undefined || config.services.length === 0) return;
    this.#translator.configure({ ...config, services });
    this.#mtus[TO_SERVERS] = 1500;
    this.#unreachable = [];
    this.#epoch++;
    const endpoints = 2 * (this.#portLast - 20_000 + 1);
    const expected = Math.min(endpoints, this.#table.capacity);
    for (let i = 0; i < expected + 3; i++) {
      this.#packet(synOf(40_000 + i));
      demand(this.#table.used === Math.min(i + 1, expected), `${this.#table.used} of ${expected}`);
    }
    this.check();
  }
}

/** The name of any reason for a drop. */
function nameOf(reason: number): string | undefined {
  return reason > 0 && reason < REASON_COUNT ? reasonName(reason) : dropName(reason);
}

interface Judgement {
  readonly verdict: number;
  readonly isIcmpError: boolean;
  readonly mtuBytes: number;
}

/** Whom the quoted packet of an error was sent to. */
function quotedTo(error: Flying, l4: number): Int32Array {
  return readAddresses(error.bytes, l4 + 8).subarray(4);
}

function hopLimitOf(bytes: Uint8Array): number {
  return bytes[bytes[0]! >> 4 === 4 ? 8 : 7]!;
}

function synOf(port: number): Flying {
  const bytes = buildPacket({
    protocol: "tcp",
    source: `198.51.100.9:${port}`,
    destination: "203.0.113.11:443",
    flags: 2,
  });
  return { bytes, vnet: new Uint8Array(10) };
}

export const natPath: FuzzTarget = {
  name: "NAT machine",
  cases: 20,
  run(random, reached) {
    const world = new NatWorld(random, reached);
    for (let i = 0; i < STEPS; i++) {
      world.step();
      if (i % 250 === 0) world.check();
    }
    world.check();
    world.end();
    return world.counts.received;
  },
};
