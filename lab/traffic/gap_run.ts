import { POLLIN } from "../../lib/linux/constants.ts";
import { Poller } from "../../lib/linux/poll.ts";
import { LOAD_KIND, writeLoadMessage } from "./load_message.ts";
import { announce, parseListen } from "./program.ts";
import { socketAddress, UdpSocket } from "./udp_socket.ts";

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

/**
 * `gap-run ADDRESS:PORT --for-ms N`: one small request a millisecond in one session, whatever became
 * of those before, and the longest time without an answer.
 */
export function gapRun(args: { readonly connect: string; readonly forMs: number }): number {
  const { hostname, port } = parseListen(args.connect);
  const server = socketAddress(hostname, port);
  using socket = new UdpSocket({ hostname: "0.0.0.0", port: 0 });
  using poller = new Poller({ capacity: 1 });
  poller.add(socket.fd, POLLIN);
  const request = writeLoadMessage({ kind: LOAD_KIND.echo, run: 0 });
  const start = performance.now();
  let last = start;
  let nextMs = start;
  let sent = 0;
  let answered = 0;
  let gap = { untilMs: 0, ms: 0 };
  for (let now = start; now - start < args.forMs; now = performance.now()) {
    if (now >= nextMs) {
      if (socket.send(request, server)) sent++;
      nextMs = Math.max(nextMs + EVERY_MS, now);
    }
    poller.wait(1);
    const count = socket.take();
    if (count === 0) continue;
    const at = performance.now();
    // Before the first answer there is no session yet.
    if (answered === 0) announce({ event: "answered" });
    else if (at - last > gap.ms) gap = { untilMs: Date.now(), ms: at - last };
    answered += count;
    last = at;
  }
  announce({ event: "gap", sent, answered, ...gap } satisfies GapRunResult);
  return 0;
}
