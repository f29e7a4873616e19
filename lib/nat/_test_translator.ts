import type { Overload } from "../datapath/overload.ts";
import { formatTable } from "../session/session_records.ts";
import type { ServiceTraffic } from "../session/service_traffic.ts";
import { SessionTable } from "../session/session_table.ts";
import { AffinityTable } from "../session/affinity_table.ts";
import { regionBytes } from "../session/layout.ts";
import { ServerBoard } from "../policy/server_board.ts";
import { IpAddress } from "../wire/address.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED, reasonName, UNKNOWN_PROTOCOL } from "../wire/reason.ts";
import { FLAG_NEEDS_CSUM } from "../wire/virtio_net_header.ts";
import type { DatapathConfig, DatapathService } from "./datapath_config.ts";
import type { PathEvents } from "./icmp_translator.ts";
import type { SessionEvents } from "./session_keeper.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "./fragment_translator.ts";
import { ServerSigns } from "./server_signs.ts";
import { Translator } from "./translator.ts";

/** Where a packet lies: after its virtio_net_hdr and Ethernet header. */
const IP_OFFSET = 24;

export function words(text: string): number[] {
  return [...IpAddress.parse(text).words];
}

export function service(changes: Partial<DatapathService> = {}): DatapathService {
  return {
    name: "web",
    protocol: 6,
    vip: { words: words("203.0.113.10"), port: 80 },
    scheduler: "round-robin",
    servers: [
      { words: words("10.0.0.11"), port: 8080, weight: 1 },
      { words: words("10.0.0.12"), port: 8080, weight: 1 },
    ],
    start: { never: true },
    ...changes,
  };
}

/** What a service's two servers share with the main thread, when none of them is to get sessions. */
export function noShares(): SharedArrayBuffer {
  const board = new ServerBoard([{ name: "a", weight: 1 }, { name: "b", weight: 1 }]);
  board.shares.fill(0);
  return board.buffer;
}

export function config(changes: Partial<DatapathConfig> = {}): DatapathConfig {
  return {
    destinations: [],
    snat: [words("10.0.1.1"), words("10.0.1.2")],
    portFirst: 20000,
    portLast: 20009,
    reject: true,
    echo: true,
    timeouts: {
      tcpOpeningMs: 240_000,
      tcpEstablishedMs: 7_440_000,
      tcpClosingMs: 240_000,
      udpOpeningMs: 30_000,
      udpMs: 300_000,
      quarantineMs: 60_000,
    },
    services: [service()],
    ...changes,
  };
}

/** What a translator did with one packet. */
export interface Outcome {
  /** Next hop, or a reason negated. */
  readonly verdict: number;
  readonly source: string;
  readonly destination: string;
  readonly bytes: Uint8Array;
  readonly packet: Packet;
  /** The virtio_net_hdr that goes with it. */
  readonly vnetHeader: Uint8Array;
}

/** A translator over a small table, with a clock that stands still until it is moved. */
export class Bench {
  readonly table: SessionTable;
  readonly translator: Translator;
  readonly signs = new ServerSigns();
  readonly affinity = new AffinityTable(new ArrayBuffer(AffinityTable.bytes(1024)), [1, 2]);
  readonly told: string[] = [];
  /** Packets of the translator's own. */
  readonly replies: Packet[] = [];
  /** Packets that were kept and sent after a later one. */
  readonly followers: Uint8Array[] = [];
  readonly #fragmentBuffer = new ArrayBuffer(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
  nowMs = 1_000_000;
  /** Next hops: 1 for every address, unless it is in here. */
  readonly unreachable = new Set<string>();
  /** Of every next hop. */
  mtu = 1500;

  constructor(
    options: {
      config?: DatapathConfig;
      capacity?: number;
      closedGates?: Uint8Array;
      traffic?: ServiceTraffic;
      /** Goes on with what this one leaves. */
      after?: Bench;
      overload?: Overload;
    } = {},
  ) {
    const capacity = options.capacity ?? 64;
    const { after } = options;
    const region = after?.table.u8.buffer ?? new ArrayBuffer(regionBytes(capacity));
    if (after === undefined) formatTable(region, capacity, { epoch: 7, bootId: [] });
    else this.nowMs = after.nowMs;
    this.table = new SessionTable(region, [3, 5]);
    const events: SessionEvents & PathEvents = {
      crossed: (slot, id, reason, value) => {
        this.told.push(`crossed ${slot} ${id} ${reason} ${value}`);
        return true;
      },
      ended: (slot, id) => {
        this.told.push(`ended ${slot} ${id}`);
        return true;
      },
      opened: (slot) => this.told.push(`opened ${slot}`),
      pathMtu: (slot, id, mtu) => {
        this.told.push(`path ${slot} ${id} ${mtu}`);
        return true;
      },
      undelivered: (slot, id, why) => this.told.push(`undelivered ${slot} ${id} ${why}`),
      adopted: (slot) => this.told.push(`adopted ${slot}`),
      closed: (slot, reason) => this.told.push(`closed ${slot} ${reason}`),
    };
    let seed = 1;
    this.translator = new Translator({
      table: this.table,
      hops: {
        epoch: 1,
        mtu: () => this.mtu,
        toAddress: (w, at) => {
          const address = IpAddress.fromWords(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!);
          return this.unreachable.has(String(address)) ? 0 : 1;
        },
      },
      events,
      sender: {
        emit: (reply) => {
          this.replies.push(parsed(reply));
          return true;
        },
        follow: (slot, bytes) => {
          const at = slot + IP_OFFSET;
          this.followers.push(new Uint8Array(this.#fragmentBuffer.slice(at, at + bytes)));
        },
      },
      fragmentMemory: { buffer: this.#fragmentBuffer, offset: 0 },
      config: options.config ?? config(),
      ...(options.closedGates && { closedGates: options.closedGates }),
      ...(options.traffic && { traffic: options.traffic }),
      ...(options.overload && { overload: options.overload }),
      signs: this.signs,
      affinity: this.affinity,
      random: () => (seed = (seed * 16807) % 2147483647) / 2147483647,
      nowMs: this.nowMs,
    });
  }

  /** Puts a packet through; it must parse. */
  send(options: FrameOptions): Outcome {
    const vnetHeader = new Uint8Array(10);
    if (options.checksum === "partial") vnetHeader[0] = FLAG_NEEDS_CSUM;
    return this.sendBytes(buildPacket(options), vnetHeader);
  }

  /** Puts the bytes of an IP packet through. */
  sendBytes(bytes: Uint8Array, vnetHeader = new Uint8Array(10)): Outcome {
    const packet = parsed(bytes, vnetHeader);
    const verdict = this.translator.handle(packet, 0, this.nowMs);
    const after = packet.bytes.slice(IP_OFFSET, IP_OFFSET + packet.totalBytes);
    const out = parsed(after);
    return {
      verdict,
      source: endpoint(out, 0),
      destination: endpoint(out, 4),
      bytes: after,
      packet: out,
      vnetHeader: packet.bytes.slice(0, 10),
    };
  }

  /** Lets time pass, with the timers that fire in it. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.translator.expire(this.nowMs, 1_000_000);
  }
}

/** A packet in a slot of its own. */
function parsed(bytes: Uint8Array, vnetHeader = new Uint8Array(10)): Packet {
  const slot = new Uint8Array(IP_OFFSET + bytes.length);
  slot.set(vnetHeader);
  slot.set(bytes, IP_OFFSET);
  const packet = new Packet();
  packet.attach(slot.buffer);
  const reason = packet.parse(IP_OFFSET, bytes.length);
  if (reason !== PARSED && reason !== UNKNOWN_PROTOCOL) {
    throw new Error(`The packet is malformed: ${reasonName(reason)}`);
  }
  return packet;
}

/** `address:port` of the source (0) or the destination (4) of a packet. */
export function endpoint(packet: Packet, at: number): string {
  const w = packet.addresses;
  const address = IpAddress.fromWords(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!);
  const port = at === 0 ? packet.sourcePort : packet.destinationPort;
  return `${address}:${port}`;
}
