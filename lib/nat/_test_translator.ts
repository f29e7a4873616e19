import { formatTable, SessionTable } from "../session/session_table.ts";
import { regionBytes } from "../session/layout.ts";
import { IpAddress } from "../wire/address.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED } from "../wire/reason.ts";
import type { DatapathConfig, DatapathService } from "./datapath_config.ts";
import { Translator, type TranslatorEvents } from "./translator.ts";

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

export function config(changes: Partial<DatapathConfig> = {}): DatapathConfig {
  return {
    destinations: [],
    snat: [words("10.0.1.1"), words("10.0.1.2")],
    portFirst: 20000,
    portLast: 20009,
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
}

/** A translator over a small table, with a clock that stands still until it is moved. */
export class Bench {
  readonly table: SessionTable;
  readonly translator: Translator;
  readonly told: string[] = [];
  nowMs = 1_000_000;
  /** Next hops: 1 for every address, unless it is in here. */
  readonly unreachable = new Set<string>();

  constructor(options: { config?: DatapathConfig; capacity?: number } = {}) {
    const capacity = options.capacity ?? 64;
    const region = new ArrayBuffer(regionBytes(capacity));
    formatTable(region, capacity, { epoch: 7, bootId: [] });
    this.table = new SessionTable(region, [3, 5]);
    const events: TranslatorEvents = {
      crossed: (slot, id, reason, value) => {
        this.told.push(`crossed ${slot} ${id} ${reason} ${value}`);
        return true;
      },
      ended: (slot, id) => {
        this.told.push(`ended ${slot} ${id}`);
        return true;
      },
      opened: (slot) => this.told.push(`opened ${slot}`),
      closed: (slot, reason) => this.told.push(`closed ${slot} ${reason}`),
    };
    let seed = 1;
    this.translator = new Translator({
      table: this.table,
      hops: {
        epoch: 1,
        toAddress: (w, at) => {
          const address = IpAddress.fromWords(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!);
          return this.unreachable.has(String(address)) ? 0 : 1;
        },
      },
      events,
      config: options.config ?? config(),
      random: () => (seed = (seed * 16807) % 2147483647) / 2147483647,
      nowMs: this.nowMs,
    });
  }

  /** Puts a packet through; it must parse. */
  send(options: FrameOptions): Outcome {
    const bytes = buildPacket(options);
    const buffer = new ArrayBuffer(bytes.length);
    new Uint8Array(buffer).set(bytes);
    const packet = new Packet();
    packet.attach(buffer);
    const reason = packet.parse(0, bytes.length);
    if (reason !== PARSED) throw new Error(`The test's own packet is malformed: ${reason}`);
    const verdict = this.translator.handle(packet, options.checksum === "partial", this.nowMs);
    const out = new Packet();
    out.attach(buffer);
    out.parse(0, bytes.length);
    return {
      verdict,
      source: endpoint(out, 0),
      destination: endpoint(out, 4),
      bytes: new Uint8Array(buffer),
      packet: out,
    };
  }

  /** Lets time pass, with the timers that fire in it. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.translator.expire(this.nowMs, 1_000_000);
  }
}

function endpoint(packet: Packet, at: number): string {
  const w = packet.addresses;
  const address = IpAddress.fromWords(w[at]!, w[at + 1]!, w[at + 2]!, w[at + 3]!);
  const port = at === 0 ? packet.sourcePort : packet.destinationPort;
  return `${address}:${port}`;
}
