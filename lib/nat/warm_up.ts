import { IP_OFFSET } from "../datapath/engine.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { regionBytes, U16 } from "../session/layout.ts";
import { IpAddress } from "../wire/address.ts";
import { buildPacket } from "../wire/build_frame.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED } from "../wire/reason.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { TCP_ACK, TCP_SYN } from "../wire/tcp_flags.ts";
import { FLAG_NEEDS_CSUM } from "../wire/virtio_net_header.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import { loneTranslator } from "./lone_translator.ts";
import type { Translator } from "./translator.ts";

/** Sessions of each protocol in one step: some milliseconds' work before anything is compiled. */
const STEP = 16;
/** The first few steps make a packet ten times faster; the rest comes with the first traffic. */
const STEPS = 16;
const DATA_PACKETS = 3;
const [CLIENT, VIP, NAT, SERVER] = ["198.51.100.2", "203.0.113.10", "10.0.1.1", "10.0.0.11"];
const PORT = 80;
const NOW_MS = 1_000_000;

/** A packet without its own port, which a partial checksum does not count. */
interface Template {
  readonly bytes: Uint8Array;
  /** Where that port stands. */
  readonly portAt: number;
}

/**
 * Sessions of a table of its own, from their first packets on. What a thread runs for the first time is
 * compiled first, and is interpreted until it has run often: the first packets of a client would wait
 * for it.
 */
export class WarmUp {
  readonly #packet = new Packet();
  readonly #inbound = [template("tcp", TCP_SYN, true), template("udp", 0, true)] as const;
  readonly #outbound = [
    template("tcp", TCP_SYN | TCP_ACK, false),
    template("udp", 0, false),
  ] as const;
  readonly #data = [template("tcp", TCP_ACK, true), template("tcp", TCP_ACK, false)] as const;
  readonly #world = world();
  #steps = 0;

  constructor() {
    this.#packet.attach(new ArrayBuffer(2048));
  }

  /** Sessions that it has begun. */
  get sessions(): number {
    return this.#world.table.used;
  }

  /** Does a few milliseconds' work; false when there is no more of it. */
  step(): boolean {
    if (this.#steps === STEPS) return false;
    const first = this.#steps++ * STEP;
    for (let n = first; n < first + STEP; n++) {
      this.#session(1024 + n, this.#inbound[0], this.#outbound[0], this.#data);
      this.#session(1024 + n, this.#inbound[1], this.#outbound[1], [
        this.#inbound[1],
        this.#outbound[1],
      ]);
    }
    this.#world.translator.expire(NOW_MS, STEP);
    return this.#steps < STEPS;
  }

  #session(
    port: number,
    opens: Template,
    answers: Template,
    [there, back]: readonly [Template, Template],
  ): void {
    const { table, translator } = this.#world;
    this.#handle(opens, port);
    const { slot } = translator.last;
    if (slot === 0) throw new Error("Cannot warm up: a session was refused");
    const natPort = table.getU16(slot, U16.natPort);
    this.#handle(answers, natPort);
    for (let n = 0; n < DATA_PACKETS; n++) {
      this.#handle(there, port);
      this.#handle(back, natPort);
    }
  }

  #handle({ bytes, portAt }: Template, port: number): void {
    const packet = this.#packet;
    packet.bytes.set(bytes, 0);
    packet.view.setUint16(portAt, port);
    const reason = packet.parse(IP_OFFSET, bytes.length - IP_OFFSET);
    if (reason === PARSED) this.#world.translator.handle(packet, 0, NOW_MS);
  }
}

function world(): { readonly table: SessionTable; readonly translator: Translator } {
  const capacity = 2 * STEP * STEPS;
  const region = new ArrayBuffer(regionBytes(capacity));
  formatTable(region, capacity, { epoch: 1, bootId: [] });
  const table = new SessionTable(region, [1, 2]);
  let random = 0;
  const translator = loneTranslator({
    table,
    config: CONFIG,
    random: () => random = (random + 0.618) % 1,
    nowMs: NOW_MS,
  });
  return { table, translator };
}

const words = (address: string) => [...IpAddress.parse(address).words];

const CONFIG: DatapathConfig = {
  destinations: [],
  snat: [words(NAT)],
  portFirst: 1024,
  portLast: 65535,
  reject: false,
  echo: false,
  timeouts: {
    tcpOpeningMs: 240_000,
    tcpEstablishedMs: 7_440_000,
    tcpClosingMs: 240_000,
    udpOpeningMs: 30_000,
    udpMs: 300_000,
    quarantineMs: 60_000,
  },
  services: [PROTOCOL_TCP, PROTOCOL_UDP].map((protocol) => ({
    name: `${protocol}`,
    protocol,
    vip: { words: words(VIP), port: PORT },
    scheduler: "round-robin",
    servers: [{ words: words(SERVER), port: PORT, weight: 1 }],
    start: { never: true },
  })),
};

function template(protocol: "tcp" | "udp", flags: number, fromClient: boolean): Template {
  const source = fromClient ? `${CLIENT}:1` : `${SERVER}:${PORT}`;
  const destination = fromClient ? `${VIP}:${PORT}` : `${NAT}:1`;
  const packet = buildPacket({ protocol, source, destination, flags, checksum: "partial" });
  const bytes = new Uint8Array(IP_OFFSET + packet.length);
  bytes[0] = FLAG_NEEDS_CSUM;
  bytes.set(packet, IP_OFFSET);
  const portsAt = IP_OFFSET + 20;
  return { bytes, portAt: fromClient ? portsAt : portsAt + 2 };
}
