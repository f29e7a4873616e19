import { POLLIN } from "../../lib/linux/constants.ts";
import { Poller } from "../../lib/linux/poll.ts";
import { LOAD_KIND, writeLoadMessage } from "./load_message.ts";
import { announce, parseListen } from "./program.ts";
import { socketAddress, UdpSocket } from "./udp_socket.ts";

export interface EchoRunArguments {
  /** Where a `load-peer` listens. */
  readonly connect: string;
  /** Requests a second. */
  readonly rate: number;
  readonly forMs: number;
}

export interface EchoRunResult {
  readonly event: "echoed";
  readonly lost: number;
  /** From sending to having the answer, of each request, in the order of their times. */
  readonly microseconds: readonly number[];
}

/** An answer that has not come by then is lost. */
const LOST_MS = 200;

/** `echo-run ADDRESS:PORT`: one request at a time, at a rate, and how long each answer takes. */
export function echoRun({ connect, rate, forMs }: EchoRunArguments): number {
  const { hostname, port } = parseListen(connect);
  const server = socketAddress(hostname, port);
  const never = new Int32Array(new SharedArrayBuffer(4));
  using socket = new UdpSocket({ hostname: "0.0.0.0", port: 0 });
  using poller = new Poller({ capacity: 1 });
  poller.add(socket.fd, POLLIN);
  const microseconds: number[] = [];
  let lost = 0;
  const start = performance.now();
  for (let request = 1;; request++) {
    const earlyMs = start + request * 1000 / rate - performance.now();
    if (earlyMs > 0) Atomics.wait(never, 0, 0, earlyMs);
    const sentAt = performance.now();
    if (sentAt - start > forMs) break;
    socket.send(writeLoadMessage({ kind: LOAD_KIND.echo, run: 0, first: request }), server);
    const answered = awaitAnswer(socket, poller, request);
    if (answered) microseconds.push((performance.now() - sentAt) * 1000);
    else lost++;
  }
  microseconds.sort((a, b) => a - b);
  announce({ event: "echoed", lost, microseconds } satisfies EchoRunResult);
  return 0;
}

function awaitAnswer(socket: UdpSocket, poller: Poller, request: number): boolean {
  const until = performance.now() + LOST_MS;
  while (performance.now() < until) {
    if (poller.wait(LOST_MS) <= 0) continue;
    const count = socket.take();
    for (let i = 0; i < count; i++) {
      if (socket.memory.getUint32(socket.datagramOffset(i) + 8) === request) return true;
    }
  }
  return false;
}
