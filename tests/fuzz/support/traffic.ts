import { buildPacket, fragmentPacket, type FrameOptions } from "../../../lib/wire/build_frame.ts";
import {
  fragmentHeader,
  HEADER_DESTINATION,
  HEADER_HOP_BY_HOP,
  paddingHeader,
} from "../../../lib/wire/ipv6_extension.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { layoutOf, mendIp, mendL4, mendLength, u16, u32 } from "./reference.ts";
import type { Flying } from "./slot.ts";

const FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16;
const NEEDS_CSUM = 1;

/** Whom packets come from and go to; texts as `buildPacket` takes them. */
export interface Places {
  readonly clients: Readonly<Record<4 | 6, readonly string[]>>;
  readonly services: readonly {
    readonly protocol: "tcp" | "udp";
    readonly family: 4 | 6;
    readonly vip: string;
    readonly servers: readonly string[];
  }[];
  /** Addresses that no client should come from, and that nobody serves. */
  readonly odd: Readonly<Record<4 | 6, readonly string[]>>;
  readonly routers: Readonly<Record<4 | 6, readonly string[]>>;
}

/** A conversation of a client and a server, as both see it. */
interface Flow {
  readonly protocol: "tcp" | "udp";
  readonly family: 4 | 6;
  readonly client: string;
  readonly vip: string;
  /** What the server sees; empty until a packet got through. */
  server: string;
  nat: string;
  clientSequence: number;
  serverSequence: number;
}

const PAYLOADS = [0, 1, 7, 100, 101, 1200, 1460];
const POOL = 48;

/** Packets of conversations under way, and what hostile hosts make of them. */
export class Traffic {
  readonly #places: Places;
  readonly #random: Random;
  readonly #flows: Flow[] = [];
  /** Packets that reached something new, and some others: what is mutated. */
  readonly #pool: Flying[] = [];
  /** Packets that left, towards clients and towards servers: what errors are about. */
  readonly #left: Uint8Array[] = [];
  /** Fragments under way. */
  #queue: Flying[] = [];
  #current: Flow | null = null;
  readonly #headers = new Map<string, Uint8Array>();
  readonly #seen = new Set<string>();

  constructor(places: Places, random: Random) {
    this.#places = places;
    this.#random = random;
  }

  next(): Flying {
    const random = this.#random;
    this.#current = null;
    if (this.#queue.length > 0 && random.chance(0.6)) {
      return this.#queue.splice(random.below(this.#queue.length), 1)[0]!;
    }
    const dice = random.fraction();
    if (this.#flows.length === 0 || dice < 0.08) return this.#open();
    if (dice < 0.45) return this.#continue();
    if (dice < 0.54 && this.#left.length > 0) return this.#error();
    if (dice < 0.57) return this.#echo();
    if (dice < 0.63) return this.#fragments();
    if (dice < 0.67) return this.#superPacket();
    if (dice < 0.90 && this.#pool.length > 0) return this.#mutated();
    if (dice < 0.98 && this.#pool.length > 0) return random.pick(this.#pool);
    return this.#noise();
  }

  /**
   * What came of the last packet.
   *
   * @param forwarded the packet as it left, or null
   */
  learn(input: Flying, signal: string, forwarded: Uint8Array<ArrayBuffer> | null): void {
    const random = this.#random;
    const isNew = !this.#seen.has(signal);
    if (isNew) this.#seen.add(signal);
    if (isNew || random.chance(0.05)) put(this.#pool, input, random);
    if (forwarded === null) return;
    if (random.chance(0.3)) put(this.#left, forwarded.slice(), random);
    const flow = this.#current;
    if (flow === null || flow.server !== "") return;
    const [source, destination] = endpointsOf(forwarded);
    flow.nat = source;
    flow.server = destination;
  }

  #open(): Flying {
    const random = this.#random;
    const { services, clients, odd } = this.#places;
    const { family, protocol, vip } = random.pick(services);
    const address = random.pick(random.chance(0.95) ? clients[family] : odd[family]);
    const flow: Flow = {
      protocol,
      family,
      vip,
      client: endpoint(
        address,
        random.chance(0.9) ? 40000 + random.below(40) : random.below(65536),
      ),
      server: "",
      nat: "",
      clientSequence: random.word() >>> 0,
      serverSequence: random.word() >>> 0,
    };
    if (this.#flows.length < 40) this.#flows.push(flow);
    else this.#flows[random.below(40)] = flow;
    this.#current = flow;
    const bytes = protocol === "tcp" ? 0 : random.pick(PAYLOADS);
    return this.#fromClient(flow, SYN, bytes);
  }

  #continue(): Flying {
    const random = this.#random;
    const flow = random.pick(this.#flows);
    this.#current = flow;
    const flags = random.chance(0.7)
      ? ACK
      : random.pick([SYN, SYN | ACK, FIN | ACK, RST, RST | ACK, PSH | ACK]);
    const bytes = random.pick(PAYLOADS);
    if (flow.server === "" || random.chance(0.5)) return this.#fromClient(flow, flags, bytes);
    this.#current = null;
    return this.#fromServer(flow, flags, bytes);
  }

  #fromClient(flow: Flow, flags: number, bytes: number): Flying {
    const options = this.#options(flow, flags, bytes);
    const sequence = flow.clientSequence;
    flow.clientSequence = (sequence + bytes) >>> 0;
    return this.#build({
      ...options,
      source: flow.client,
      destination: flow.vip,
      sequence,
      acknowledgement: flow.serverSequence,
    });
  }

  #fromServer(flow: Flow, flags: number, bytes: number): Flying {
    const options = this.#options(flow, flags, bytes);
    const sequence = flow.serverSequence;
    flow.serverSequence = (sequence + bytes) >>> 0;
    if (flow.protocol === "udp" && bytes >= 2 && this.#random.chance(0.1)) {
      fitToZero(
        options.payload!,
        this.#craft({
          ...options,
          source: flow.vip,
          destination: flow.client,
          checksum: "full",
        }),
      );
    }
    return this.#build({
      ...options,
      source: flow.server,
      destination: flow.nat,
      sequence,
      acknowledgement: flow.clientSequence,
    });
  }

  #options({ protocol, family }: Flow, flags: number, bytes: number): Partial<FrameOptions> {
    const random = this.#random;
    const odd = random.chance(0.1);
    return {
      protocol,
      flags,
      payload: payloadOf(bytes, random),
      identification: random.below(65536),
      dontFragment: random.chance(0.7),
      hopLimit: odd ? random.pick([1, 2, 255]) : 64,
      checksum: odd ? random.pick([0, 0xffff, "partial", "full"] as const) : "full",
      ...(odd && family === 4 && { ipv4Options: Uint8Array.of(148, 4, 0, 0) }),
      ...(odd && family === 6 && { extensionHeaders: [this.#extension()] }),
    };
  }

  #extension() {
    const random = this.#random;
    return random.pick([
      paddingHeader(HEADER_HOP_BY_HOP, 8),
      paddingHeader(HEADER_DESTINATION, 16),
      fragmentHeader(random.word() >>> 0, 0, false),
    ]);
  }

  #build(options: Partial<FrameOptions>): Flying {
    const bytes = this.#craft(options);
    const vnet = new Uint8Array(10);
    if (options.checksum === "partial") {
      const { l4, protocol } = layoutOf(bytes)!;
      vnet.set([
        NEEDS_CSUM,
        0,
        0,
        0,
        0,
        0,
        (14 + l4) & 255,
        (14 + l4) >> 8,
        checksumAt(protocol),
        0,
      ]);
    }
    return { bytes, vnet };
  }

  /** As `buildPacket`, with what the ends of a packet come to remembered: they take most of its time. */
  #craft(options: Partial<FrameOptions>): Uint8Array<ArrayBuffer> {
    const { protocol, payload = NOTHING, checksum = "full" } = options;
    const hasPorts = protocol === "tcp" || protocol === "udp";
    const end = (text = "") => hasPorts ? text : hostOf(text);
    const ends = { source: end(options.source), destination: end(options.destination) };
    const isOdd = options.ipv4Options !== undefined || options.extensionHeaders !== undefined ||
      typeof protocol === "number";
    if (isOdd) return buildPacket({ ...options, ...ends } as FrameOptions);
    const key = `${protocol} ${ends.source} ${ends.destination}`;
    let header = this.#headers.get(key);
    if (header === undefined) {
      header = buildPacket({ protocol: protocol!, ...ends });
      this.#headers.set(key, header);
    }
    const bytes = new Uint8Array(header.length + payload.length);
    bytes.set(header);
    bytes.set(payload, header.length);
    mendLength(bytes);
    const { family, l4 } = layoutOf(bytes)!;
    if (family === 4) {
      set16(bytes, 4, options.identification ?? 0);
      bytes[6] = options.dontFragment ?? true ? 0x40 : 0;
      bytes[8] = options.hopLimit ?? 64;
      mendIp(bytes);
    } else bytes[7] = options.hopLimit ?? 64;
    if (protocol === "tcp") {
      set32(bytes, l4 + 4, options.sequence ?? 1);
      set32(bytes, l4 + 8, options.acknowledgement ?? 1);
      bytes[l4 + 13] = options.flags ?? ACK;
    } else if (protocol === "icmp" && options.icmp !== undefined) {
      bytes[l4] = options.icmp.type;
      bytes[l4 + 1] = options.icmp.code;
      set32(bytes, l4 + 4, options.icmp.rest);
    }
    mendL4(bytes, checksum === "partial");
    if (typeof checksum === "number") {
      set16(bytes, l4 + checksumAt(layoutOf(bytes)!.protocol), checksum);
    }
    return bytes;
  }

  /** A packet of a conversation that the kernel has put together from several (GRO). */
  #superPacket(): Flying {
    const random = this.#random;
    const flow = random.pick(this.#flows);
    if (flow.server === "") return this.#continue();
    const payload = random.pick([3000, 9000, random.chance(0.1) ? 60_000 : 4000]);
    const fromClient = random.chance(0.5);
    const flying = this.#build({
      protocol: flow.protocol,
      flags: ACK,
      checksum: "partial",
      source: fromClient ? flow.client : flow.server,
      destination: fromClient ? flow.vip : flow.nat,
      payload: payloadOf(payload, random),
      dontFragment: random.chance(0.8),
    });
    const gsoSize = random.pick([1448, 1200, 8000, 100]);
    const header = layoutOf(flying.bytes)!;
    const headerBytes = 14 + header.l4 + (flow.protocol === "tcp" ? 20 : 8);
    const gsoType = flow.protocol === "udp" ? 5 : flow.family === 4 ? 1 : 4;
    flying.vnet.set([gsoType, headerBytes, 0, gsoSize & 255, gsoSize >> 8], 1);
    return flying;
  }

  /** An ICMP error about something that left, from a router or from the host that it went to. */
  #error(): Flying {
    const random = this.#random;
    const about = random.pick(this.#left);
    const { family } = layoutOf(about)!;
    const [source, destination] = endpointsOf(about).map(hostOf) as [string, string];
    const from = random.chance(0.5) ? destination : random.pick(this.#places.routers[family]);
    const [type, code] = family === 4
      ? random.pick([[3, 4], [3, 4], [3, 3], [3, 1], [11, 0], [12, 0], [4, 0], [5, 1]])
      : random.pick([[2, 0], [2, 0], [1, 4], [1, 0], [3, 0], [4, 1], [137, 0]]);
    const mtu = random.pick([0, 68, 576, 1000, 1279, 1280, 1400, 1500, 9000]);
    let quote: Uint8Array = about.slice(0, random.pick([28, 48, 64, 548, 1232]));
    let rest = type === 3 || type === 2 ? mtu : 0;
    if (random.chance(0.2)) {
      const extended = new Uint8Array(Math.max(128, (quote.length + 7) & ~7) + 12);
      extended.set(quote);
      extended.set([0x20, 0, 0, 0, 0, 8, 2, 8, 10, 0, 0, 11], extended.length - 12);
      const words = (extended.length - 12) / (family === 4 ? 4 : 8);
      if (family === 4) rest |= words << 16;
      else if (type !== 2 && type !== 4) rest = (words << 24) >>> 0;
      quote = extended;
    }
    return this.#build({
      protocol: "icmp",
      source: from,
      destination: source,
      icmp: { type: type!, code: code!, rest },
      payload: quote,
      hopLimit: random.chance(0.95) ? 60 : 1,
    });
  }

  #echo(): Flying {
    const random = this.#random;
    const { family, vip } = random.pick(this.#places.services);
    return this.#build({
      protocol: random.chance(0.9) ? "icmp" : random.pick([47, 50, 132, 2]),
      source: random.pick(this.#places.clients[family]),
      destination: hostOf(vip),
      payload: payloadOf(random.pick([0, 8, 56, 1400]), random),
    });
  }

  /** A datagram in fragments, which are sent among other packets in any order, now and then twice. */
  #fragments(): Flying {
    const random = this.#random;
    const flow = random.pick(this.#flows);
    const payload = random.bytes(
      random.pick([100, 1400, 4000, random.chance(0.05) ? 40_000 : 200]),
    );
    const fromServer = flow.server !== "" && random.chance(0.5);
    const whole = this.#build({
      protocol: random.chance(0.9) ? flow.protocol : "icmp",
      flags: ACK,
      source: fromServer ? flow.server : flow.client,
      destination: fromServer ? flow.nat : flow.vip,
      payload,
      dontFragment: false,
      hopLimit: random.chance(0.95) ? 64 : 2,
    }).bytes;
    const part = payload.length > 20_000 ? 12_000 : random.pick([24, 48, 552, 1280]);
    const cut = fragmentPacket(whole, part, random.below(500)).slice(0, 40);
    for (const bytes of cut) {
      if (random.chance(0.03)) continue;
      this.#queue.push({ bytes, vnet: new Uint8Array(10) });
      if (random.chance(0.05)) {
        this.#queue.push({ bytes: this.#mend(mutate(bytes, random)), vnet: new Uint8Array(10) });
      }
    }
    if (this.#queue.length > 200) this.#queue = this.#queue.slice(-100);
    if (random.chance(0.3)) this.#queue.reverse();
    return this.#queue.pop() ?? this.#continue();
  }

  #mutated(): Flying {
    const random = this.#random;
    const victim = random.pick(this.#pool);
    const bytes = mutate(victim.bytes, random, [random.pick(this.#pool).bytes]);
    const vnet = random.chance(0.9) ? victim.vnet : mutate(victim.vnet, random).slice(0, 10);
    const header = new Uint8Array(10);
    header.set(vnet);
    const partial = (header[0]! & NEEDS_CSUM) !== 0;
    return { bytes: random.chance(0.9) ? this.#mend(bytes, partial) : bytes, vnet: header };
  }

  #mend(bytes: Uint8Array<ArrayBuffer>, partial = false): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    if (random.chance(0.4)) mendLength(bytes);
    if (random.chance(0.5)) mendL4(bytes, partial);
    mendIp(bytes);
    return bytes;
  }

  #noise(): Flying {
    const random = this.#random;
    const bytes = random.bytes(random.below(120));
    if (bytes.length > 0 && random.chance(0.7)) bytes[0] = random.pick([0x45, 0x46, 0x60]);
    return {
      bytes: this.#mend(bytes),
      vnet: random.chance(0.8) ? new Uint8Array(10) : random.bytes(10),
    };
  }
}

const NOTHING = new Uint8Array(0);
const NOISE = new Random(1).bytes(80_000);

/** Bytes of no meaning; made once, since they are many. */
function payloadOf(length: number, random: Random): Uint8Array<ArrayBuffer> {
  const start = random.below(NOISE.length - length);
  return NOISE.slice(start, start + length);
}

/** Changes two bytes of a payload so that the checksum of the packet with it comes out as 0. */
function fitToZero(payload: Uint8Array, packet: Uint8Array): void {
  const { l4 } = layoutOf(packet)!;
  const sum = u16(payload, 0) + u16(packet, l4 + 6);
  set16(payload, 0, (sum & 0xffff) + (sum >>> 16));
}

function set16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function set32(bytes: Uint8Array, at: number, value: number): void {
  set16(bytes, at, value >>> 16);
  set16(bytes, at + 2, value);
}

function put<T>(pool: T[], item: T, random: Random): void {
  if (pool.length < POOL) pool.push(item);
  else pool[random.below(POOL)] = item;
}

function checksumAt(protocol: number): number {
  return protocol === 6 ? 16 : protocol === 17 ? 6 : 2;
}

function endpoint(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The address of an endpoint, or of a text that is an address already. */
export function hostOf(text: string): string {
  if (text.startsWith("[")) return text.slice(1, text.indexOf("]"));
  return text.split(":").length === 2 ? text.slice(0, text.indexOf(":")) : text;
}

/** Source and destination of a packet, as text; with ports 0 where it has none. */
export function endpointsOf(bytes: Uint8Array): [string, string] {
  const { family, l4, protocol, fragmentOffset } = layoutOf(bytes)!;
  const hasPorts = (protocol === 6 || protocol === 17) && fragmentOffset === 0;
  const at = family === 4 ? [12, 16] : [8, 24];
  const [source, destination] = at.map((offset, i) => {
    const port = hasPorts ? u16(bytes, l4 + 2 * i) : 0;
    if (family === 4) return endpoint(bytes.subarray(offset, offset + 4).join("."), port);
    let groups = "";
    for (let g = 0; g < 16; g += 2) {
      groups += `${g > 0 ? ":" : ""}${u16(bytes, offset + g).toString(16)}`;
    }
    return endpoint(groups, port);
  });
  return [source!, destination!];
}

/** What tells fragments of one datagram from those of others, and the place in it. */
export function fragmentKey(bytes: Uint8Array, offset: number): string {
  const { family, protocol, l4 } = layoutOf(bytes)!;
  const addresses = family === 4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
  const identification = family === 4 ? u16(bytes, 4) : u32(bytes, l4 - 4);
  return `${addresses.join(".")} ${family === 4 ? protocol : 0} ${identification} ${offset}`;
}
