import { POLLIN } from "../../lib/linux/constants.ts";
import { Poller } from "../../lib/linux/poll.ts";
import { DatagramVolley } from "./datagram_volley.ts";
import {
  LOAD_KIND,
  LOAD_MESSAGE_BYTES,
  type LoadMessage,
  readLoadMessage,
  writeLoadMessage,
} from "./load_message.ts";
import { sendPaced } from "./paced_volleys.ts";
import { announce, parseListens } from "./program.ts";
import { UdpSocket } from "./udp_socket.ts";

/**
 * `load-peer --listen ADDRESS:PORT`: the server of `load-run` and `echo-run`. Counts datagrams,
 * sends some to whoever orders them, sends others back. Its loop blocks: no event loop between the
 * kernel and the figures.
 */
export function loadPeer(args: { readonly listen: readonly string[] }): never {
  const [listen] = parseListens(args.listen);
  using socket = new UdpSocket(listen!);
  using poller = new Poller();
  poller.add(socket.fd, POLLIN);
  announce({ event: "listening", addresses: args.listen });
  const peer = new Peer(socket);
  for (;;) {
    const count = socket.take();
    if (count === 0) poller.wait(1000);
    else peer.take(count);
  }
}

/** What is known of a run. */
interface Run {
  received: number;
  sent: number;
  /** The client's endpoints that ordered it, as socket addresses. */
  readonly orders: Map<string, Uint8Array<ArrayBuffer>>;
}

/** Earlier ones are forgotten. */
const MOST_RUNS = 16;

class Peer {
  readonly #socket: UdpSocket;
  readonly #runs = new Map<number, Run>();

  constructor(socket: UdpSocket) {
    this.#socket = socket;
  }

  take(count: number): void {
    const { memory } = this.#socket;
    for (let i = 0; i < count; i++) {
      const at = this.#socket.datagramOffset(i);
      const kind = memory.getUint8(at);
      const run = this.#runOf(memory.getUint32(at + 4));
      if (kind === LOAD_KIND.data) run.received++;
      else if (kind === LOAD_KIND.echo) this.#echo(run, i, at);
      else this.#answer(run, readLoadMessage(memory, at), this.#socket.sender(i));
    }
  }

  #runOf(number: number): Run {
    const known = this.#runs.get(number);
    if (known !== undefined) return known;
    const run = { received: 0, sent: 0, orders: new Map() };
    this.#runs.set(number, run);
    if (this.#runs.size > MOST_RUNS) this.#runs.delete(this.#runs.keys().next().value!);
    return run;
  }

  #echo(run: Run, i: number, at: number): void {
    run.received++;
    const bytes = writeLoadMessage(readLoadMessage(this.#socket.memory, at));
    this.#socket.send(bytes, this.#socket.sender(i));
  }

  #answer(run: Run, message: Required<LoadMessage>, from: Uint8Array<ArrayBuffer>): void {
    if (message.kind === LOAD_KIND.ask) {
      const counts = { first: run.received, second: run.sent };
      const answer = { kind: LOAD_KIND.count, run: message.run, ...counts };
      this.#socket.send(writeLoadMessage(answer), from);
    } else if (message.kind === LOAD_KIND.order && run.sent === 0) {
      run.orders.set(from.join("."), from);
      if (run.orders.size === message.flows) this.#serve(run, message);
    }
  }

  #serve(run: Run, { run: number, first: rate, second: forMs }: Required<LoadMessage>): void {
    const bytes = writeLoadMessage({ kind: LOAD_KIND.data, run: number });
    const volleys = [...run.orders.values()]
      .map((to) => new DatagramVolley(this.#socket, bytes, to));
    this.#socket.sendInDatagramsOf(LOAD_MESSAGE_BYTES);
    run.sent = sendPaced(volleys, { rate, forMs }).sent;
  }
}
