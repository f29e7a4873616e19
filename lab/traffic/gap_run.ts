import { POLLIN } from "../../lib/linux/constants.ts";
import { Poller } from "../../lib/linux/poll.ts";
import { LOAD_KIND, readLoadMessage, writeLoadMessage } from "./load_message.ts";
import { announce, parseListen } from "./program.ts";
import { socketAddress, UdpSocket } from "./udp_socket.ts";

export interface GapRunArguments {
  /** Where a `load-peer` listens. */
  readonly connect: string;
  readonly forMs: number;
  /** What goes out before that does not count. */
  readonly delayMs: number;
}

/** The last line of `gap-run`. */
export interface GapRunResult {
  readonly event: "gap";
  readonly sent: number;
  readonly answered: number;
  /** The longest time without an answer: its end by the wall clock, and its length. */
  readonly untilMs: number;
  readonly ms: number;
}

const EVERY_MS = 1;
/** How long the last requests have for their answers. */
const LATE_MS = 1_000;

/**
 * `gap-run ADDRESS:PORT --for-ms N`: one small request a millisecond in one session, whatever became
 * of those before, and the longest time without an answer.
 */
export function gapRun(args: GapRunArguments): number {
  const { hostname, port } = parseListen(args.connect);
  const server = socketAddress(hostname, port);
  using socket = new UdpSocket({ hostname: "0.0.0.0", port: 0 });
  using poller = new Poller({ capacity: 1 });
  poller.add(socket.fd, POLLIN);
  const start = performance.now();
  const from = start + args.delayMs;
  const until = start + args.forMs;
  let number = 0;
  /** The first request that counts. */
  let first = 1;
  let last = from;
  let nextMs = start;
  let answered = 0;
  let isAnswered = false;
  let gap = { untilMs: 0, ms: 0 };
  for (let now = start; now < until + LATE_MS; now = performance.now()) {
    if (now < from) {
      first = number + 1;
      answered = 0;
    }
    if (now >= nextMs && now < until) {
      const request = writeLoadMessage({ kind: LOAD_KIND.echo, run: 0, first: number + 1 });
      if (socket.send(request, server)) number++;
      nextMs = Math.max(nextMs + EVERY_MS, now);
    }
    if (now >= until && answered > number - first) break;
    poller.wait(1);
    const count = socket.take();
    if (count === 0) continue;
    const at = performance.now();
    // Before the first answer there is no session yet.
    if (!isAnswered) announce({ event: "answered" });
    else if (at - last > gap.ms && at >= from) gap = { untilMs: Date.now(), ms: at - last };
    isAnswered = true;
    for (let i = 0; i < count; i++) {
      const answer = readLoadMessage(socket.memory, socket.datagramOffset(i));
      if (answer.first >= first) answered++;
    }
    last = at;
  }
  const sent = number - first + 1;
  announce({ event: "gap", sent, answered, ...gap } satisfies GapRunResult);
  return 0;
}
