import { type DatagramCounts, Flow } from "./flow.ts";
import { parseListen } from "./program.ts";
import { readStreamDatagram, readStreamEnd, type StreamRequest } from "./stream_datagram.ts";
import { sameEndpoint, socketAddress, UdpSocket } from "./udp_socket.ts";

const SIZE_BYTES = 800;
/** Most datagrams of one stream. */
const MAX_COUNT = 1 << 22;
const ASK_EVERY_MS = 250;
/** After the server said that it has ended, what is on its way may still come. */
const LINGER_MS = 500;

/** A stream of numbered datagrams from the server, which the client's own keep awake. */
export class StreamFlow extends Flow {
  readonly #seen = new Uint8Array(MAX_COUNT);
  #sent = -1;
  #received = 0;
  #doubled = 0;
  #reordered = 0;
  #highest = -1;
  #aborted = false;

  protected override async carryOut(): Promise<void> {
    const { to, rate, seed } = this.plan;
    const { hostname, port } = parseListen(to);
    const server = socketAddress(hostname, port);
    using socket = new UdpSocket({ hostname: hostname.includes(":") ? "::" : "0.0.0.0", port: 0 });
    this.local = `udp ${to}`;
    const request: StreamRequest = { stream: seed, count: MAX_COUNT, sizeBytes: SIZE_BYTES, rate };
    const question = new TextEncoder().encode(JSON.stringify(request));
    const ending = new TextEncoder().encode(JSON.stringify({ ...request, end: true }));
    let nextAsk = 0;
    let lingerUntil = Infinity;
    this.restart();
    while (performance.now() < lingerUntil && !this.#aborted) {
      if (performance.now() >= nextAsk) {
        this.#send(socket, this.finishing ? ending : question, server);
        nextAsk = performance.now() + ASK_EVERY_MS;
      }
      for (const { bytes, from } of await socket.receive(50)) {
        if (!sameEndpoint(from, server)) {
          this.wrong++;
          continue;
        }
        const sent = readStreamEnd(bytes, seed);
        if (sent !== null) {
          this.#sent = sent;
          if (lingerUntil === Infinity) lingerUntil = performance.now() + LINGER_MS;
        } else {
          this.#add(readStreamDatagram(bytes, seed), bytes.length);
        }
      }
    }
    this.complete = this.#sent >= 0;
  }

  #send(socket: UdpSocket, bytes: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer>): void {
    try {
      socket.send(bytes, to);
    } catch {
      // An ICMP error of an earlier one: the next may arrive.
    }
  }

  #add(number: number | null, lengthBytes: number): void {
    if (number === null || number >= MAX_COUNT) {
      this.wrong++;
      return;
    }
    if (this.#seen[number] === 1) this.#doubled++;
    else {
      this.#seen[number] = 1;
      this.#received++;
      this.bytes += lengthBytes;
      if (number < this.#highest) this.#reordered++;
      else this.#highest = number;
    }
    if (!this.finishing) this.progress();
    this.opening.resolve();
  }

  protected override datagrams(): DatagramCounts {
    const until = this.#sent >= 0 ? this.#sent : this.#highest + 1;
    const gaps: number[] = [];
    for (let number = 0, gap = 0; number <= until; number++) {
      if (number < until && this.#seen[number] !== 1) gap++;
      else if (gap > 0) {
        gaps.push(gap);
        gap = 0;
      }
    }
    return {
      sent: this.#sent,
      received: this.#received,
      lost: Math.max(0, until - this.#received),
      doubled: this.#doubled,
      reordered: this.#reordered,
      gaps: gaps.toSorted((a, b) => b - a).slice(0, 5),
    };
  }

  /** The stream's end is no pause. */
  protected override expectsProgress(): boolean {
    return !this.finishing;
  }

  protected override beginFinish(): void {}

  protected override abort(): void {
    this.#aborted = true;
  }
}
