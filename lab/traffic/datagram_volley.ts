import type { UdpSocket } from "./udp_socket.ts";
import type { Volley } from "./paced_volleys.ts";

/** The kernel's limit (UDP_MAX_SEGMENTS of older kernels). */
const MOST = 64;

/**
 * The same datagram to the same endpoint, many times with one system call: the socket has to send in
 * datagrams of that length. The interface must not take them as one (ethtool: tx-udp-segmentation
 * off), else they travel as one large packet.
 */
export class DatagramVolley implements Volley {
  readonly #socket: UdpSocket;
  readonly #to: Uint8Array<ArrayBuffer>;
  /** One, two, … times the datagram: made once, so that sending allocates nothing. */
  readonly #pieces: readonly Uint8Array<ArrayBuffer>[];

  constructor(socket: UdpSocket, bytes: Uint8Array, to: Uint8Array<ArrayBuffer>) {
    this.#socket = socket;
    this.#to = to;
    const all = new Uint8Array(MOST * bytes.length);
    for (let i = 0; i < MOST; i++) all.set(bytes, i * bytes.length);
    this.#pieces = Array.from({ length: MOST + 1 }, (_, i) => all.subarray(0, i * bytes.length));
  }

  send(count: number): number {
    const most = Math.min(count, MOST);
    return this.#socket.send(this.#pieces[most]!, this.#to) ? most : 0;
  }
}
