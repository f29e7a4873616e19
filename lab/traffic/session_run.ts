import { AF_INET, MSG_DONTWAIT, SOCK_RAW } from "../../lib/linux/constants.ts";
import type { Fd } from "../../lib/linux/fd.ts";
import { openLibc } from "../../lib/linux/libc.ts";
import { openSocket, setSendBuffer } from "../../lib/linux/socket.ts";
import { LOAD_KIND, LOAD_MESSAGE_BYTES, writeLoadMessage } from "./load_message.ts";
import { sendPaced, type Volley } from "./paced_volleys.ts";
import { askReceived } from "./peer_counts.ts";
import { announce, parseListen, waitUntil } from "./program.ts";
import { socketAddress } from "./udp_socket.ts";

export interface SessionRunArguments {
  /** Where a `load-peer` listens. */
  readonly connect: string;
  /** Where it is asked what it got: a session of its own, on a road that may be full. */
  readonly ask: string;
  /** How many clients there are; each sends once, and again when all had their turn. */
  readonly clients: number;
  /** Datagrams in all. */
  readonly count: number;
  /** Datagrams a second. */
  readonly rate: number;
  /** Clients in an order that no cache knows, instead of one after another. */
  readonly scattered: boolean;
  /** The first of the clients is the one after so many. */
  readonly skipped: number;
  /** Whether the datagrams ask for no answer. */
  readonly silent: boolean;
  /** When the first one is sent, by the wall clock in milliseconds; 0: at once. */
  readonly at: number;
  /** Ends after so long, whatever is left to be sent then. */
  readonly mostMs: number;
}

export interface SessionRunResult {
  readonly event: "sessions";
  readonly sent: number;
  /** What the peer got of it. */
  readonly received: number;
  readonly ms: number;
}

/** raw(7): the program writes the IP header; the kernel fills in lengths and checksum. */
const IPPROTO_RAW = 255;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const SEND_BUFFER_BYTES = 4 << 20;

/** The network of the clients, 198.18.0.0/15, which RFC 2544 keeps for benchmarks. */
const CLIENTS_BASE = (198 << 24 | 18 << 16) >>> 0;
export const SESSION_CLIENTS = "198.18.0.0/15";
const PORTS_EACH = 32_768;
const FIRST_PORT = 8_192;

/**
 * `session-run ADDRESS:PORT`: datagrams, each from the next of many clients: each of them is a
 * session. Nobody takes the answers.
 */
export function sessionRun(args: SessionRunArguments): number {
  using fd = openSocket({
    domain: AF_INET,
    type: SOCK_RAW,
    protocol: IPPROTO_RAW,
    label: "raw IP socket",
    needs: "CAP_NET_RAW",
  });
  setSendBuffer(fd, SEND_BUFFER_BYTES);
  const run = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const clients = new Clients(fd, args, run);
  const forMs = Math.min(args.mostMs, args.count / args.rate * 1000 * 20 + 60_000);
  waitUntil(args.at);
  announce({ event: "sending" });
  const { sent, ms } = sendPaced([clients], { rate: args.rate, forMs, count: args.count });
  const received = askReceived(args.ask, run);
  announce({ event: "sessions", sent, received, ms } satisfies SessionRunResult);
  return 0;
}

class Clients implements Volley {
  readonly #libc = openLibc();
  readonly #fd: Fd;
  readonly #to: Uint8Array<ArrayBuffer>;
  readonly #packet: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #length: bigint;
  readonly #clients: number;
  /** Coprime to the number of clients: the walk meets each of them once. */
  readonly #stride: number;
  readonly #skipped: number;
  #next = 0;

  constructor(fd: Fd, args: SessionRunArguments, run: number) {
    const { connect, clients, scattered, skipped, silent } = args;
    const { hostname, port } = parseListen(connect);
    this.#fd = fd;
    this.#to = socketAddress(hostname, 0);
    this.#clients = clients;
    this.#skipped = skipped;
    this.#stride = scattered ? strideFor(clients) : 1;
    this.#packet = new Uint8Array(IP_BYTES + UDP_BYTES + LOAD_MESSAGE_BYTES);
    this.#length = BigInt(this.#packet.length);
    this.#view = new DataView(this.#packet.buffer);
    this.#packet.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17]);
    this.#packet.set(this.#to.subarray(4, 8), 16);
    this.#view.setUint16(IP_BYTES + 2, port);
    this.#view.setUint16(IP_BYTES + 4, UDP_BYTES + LOAD_MESSAGE_BYTES);
    const kind = silent ? LOAD_KIND.data : LOAD_KIND.echo;
    this.#packet.set(writeLoadMessage({ kind, run }), IP_BYTES + UDP_BYTES);
  }

  send(count: number): number {
    for (let i = 0; i < count; i++) {
      const client = this.#skipped + this.#next;
      this.#view.setUint32(12, CLIENTS_BASE + 1 + Math.floor(client / PORTS_EACH));
      this.#view.setUint16(IP_BYTES, FIRST_PORT + client % PORTS_EACH);
      const { number } = this.#fd;
      const to = this.#to;
      const packet = this.#packet;
      if (this.#libc.sendto(number, packet, this.#length, MSG_DONTWAIT, to, to.length) < 0) {
        return i;
      }
      this.#next = (this.#next + this.#stride) % this.#clients;
    }
    return count;
  }
}

/** A stride of about 0.62 of the clients, without a common divisor. */
export function strideFor(clients: number): number {
  let stride = Math.max(1, Math.floor(clients * 0.618));
  while (gcd(stride, clients) !== 1) stride++;
  return stride;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
