import { POLLIN } from "../../lib/linux/constants.ts";
import { Poller } from "../../lib/linux/poll.ts";
import { DatagramVolley } from "./datagram_volley.ts";
import {
  LOAD_KIND,
  LOAD_MESSAGE_BYTES,
  readLoadMessage,
  writeLoadMessage,
} from "./load_message.ts";
import { sendPaced } from "./paced_volleys.ts";
import { ASK_EVERY_MS, ASK_FOR_MS, SETTLE_MS } from "./peer_counts.ts";
import { announce, parseListen, waitUntil } from "./program.ts";
import { socketAddress, UdpSocket } from "./udp_socket.ts";

export interface LoadRunArguments {
  /** Where a `load-peer` listens. */
  readonly connect: string;
  readonly direction: "to-server" | "to-client";
  /** Datagrams a second. */
  readonly rate: number;
  readonly forMs: number;
  /** From so many ports. */
  readonly flows: number;
  /** When the first datagram to the server is sent, by the wall clock in milliseconds; 0: at once. */
  readonly at: number;
}

export interface LoadRunResult {
  readonly event: "loaded";
  readonly sent: number;
  readonly received: number;
  /** What the sender reached. */
  readonly sentPerSecond: number;
}

/**
 * `load-run ADDRESS:PORT`: small datagrams at a rate, one way, and how many of them arrived. Fails
 * when the peer does not answer.
 */
export function loadRun(args: LoadRunArguments): number {
  const { hostname, port } = parseListen(args.connect);
  const server = socketAddress(hostname, port);
  const run = crypto.getRandomValues(new Uint32Array(1))[0]!;
  const sockets = Array.from(
    { length: args.flows },
    () => new UdpSocket({ hostname: "0.0.0.0", port: 0 }),
  );
  const client = new Client(sockets, server, run);
  const result = args.direction === "to-server"
    ? client.sendToServer(args)
    : client.orderToClient(args);
  announce(result);
  return 0;
}

class Client {
  readonly #sockets: readonly UdpSocket[];
  readonly #server: Uint8Array<ArrayBuffer>;
  readonly #run: number;
  readonly #poller: Poller;
  #received = 0;
  #count: { received: number; sent: number } | null = null;

  constructor(sockets: readonly UdpSocket[], server: Uint8Array<ArrayBuffer>, run: number) {
    this.#sockets = sockets;
    this.#server = server;
    this.#run = run;
    this.#poller = new Poller({ capacity: sockets.length });
    for (const { fd } of sockets) this.#poller.add(fd, POLLIN);
  }

  sendToServer({ rate, forMs, at }: LoadRunArguments): LoadRunResult {
    // Each flow is known on its way before it has to carry the load.
    for (const socket of this.#sockets) this.#ask(socket);
    this.#ask(this.#sockets[0]!);
    const bytes = writeLoadMessage({ kind: LOAD_KIND.data, run: this.#run });
    for (const socket of this.#sockets) socket.sendInDatagramsOf(LOAD_MESSAGE_BYTES);
    const volleys = this.#sockets.map((each) => new DatagramVolley(each, bytes, this.#server));
    waitUntil(at);
    announce({ event: "sending" });
    const { sent, ms } = sendPaced(volleys, { rate, forMs });
    this.#collect(SETTLE_MS);
    const { received } = this.#ask(this.#sockets[0]!);
    return { event: "loaded", sent, received, sentPerSecond: sent / ms * 1000 };
  }

  orderToClient({ rate, forMs, flows }: LoadRunArguments): LoadRunResult {
    const order = { kind: LOAD_KIND.order, run: this.#run, flows, first: rate, second: forMs };
    const bytes = writeLoadMessage(order);
    const until = performance.now() + ASK_FOR_MS;
    while (this.#received === 0) {
      if (performance.now() > until) throw new Error("Cannot order a load: the peer is silent");
      for (const socket of this.#sockets) socket.send(bytes, this.#server);
      this.#collect(ASK_EVERY_MS);
    }
    this.#collect(forMs);
    const { sent } = this.#ask(this.#sockets[0]!);
    this.#collect(SETTLE_MS);
    const received = this.#received;
    return { event: "loaded", sent, received, sentPerSecond: sent / forMs * 1000 };
  }

  /** Asks the peer for its counts until it answers. @throws {Error} when it does not */
  #ask(socket: UdpSocket): { received: number; sent: number } {
    const bytes = writeLoadMessage({ kind: LOAD_KIND.ask, run: this.#run });
    const until = performance.now() + ASK_FOR_MS;
    this.#count = null;
    while (performance.now() < until) {
      socket.send(bytes, this.#server);
      this.#collect(ASK_EVERY_MS, true);
      if (this.#count !== null) return this.#count;
    }
    throw new Error("Cannot count a load: the peer is silent");
  }

  /** Takes what comes for so long, or only until the peer has told its counts. */
  #collect(forMs: number, untilCount = false): void {
    const until = performance.now() + forMs;
    for (;;) {
      let taken = 0;
      for (const socket of this.#sockets) taken += this.#take(socket);
      if (untilCount && this.#count !== null) return;
      const leftMs = until - performance.now();
      if (leftMs <= 0) return;
      if (taken === 0) this.#poller.wait(Math.ceil(leftMs));
    }
  }

  #take(socket: UdpSocket): number {
    const count = socket.take();
    for (let i = 0; i < count; i++) {
      const at = socket.datagramOffset(i);
      const kind = socket.memory.getUint8(at);
      if (kind === LOAD_KIND.data) this.#received++;
      if (kind !== LOAD_KIND.count) continue;
      const { run, first, second } = readLoadMessage(socket.memory, at);
      if (run === this.#run) this.#count = { received: first, sent: second };
    }
    return count;
  }
}
