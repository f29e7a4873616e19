import { POLLIN } from "../../lib/linux/constants.ts";
import { Poller } from "../../lib/linux/poll.ts";
import { LOAD_KIND, readLoadMessage, writeLoadMessage } from "./load_message.ts";
import { parseListen } from "./program.ts";
import { socketAddress, UdpSocket } from "./udp_socket.ts";

/** How long a `load-peer` may be silent to a question before it is asked again, and in all. */
export const ASK_EVERY_MS = 100;
export const ASK_FOR_MS = 5_000;
/** What is on its way when a sender stops arrives in that time. */
export const SETTLE_MS = 100;

/** How much of a run a `load-peer` has received. @throws {Error} when it does not answer */
export function askReceived(connect: string, run: number): number {
  const { hostname, port } = parseListen(connect);
  const server = socketAddress(hostname, port);
  using socket = new UdpSocket({ hostname: "0.0.0.0", port: 0 });
  using poller = new Poller({ capacity: 1 });
  poller.add(socket.fd, POLLIN);
  poller.wait(SETTLE_MS);
  const question = writeLoadMessage({ kind: LOAD_KIND.ask, run });
  const until = performance.now() + ASK_FOR_MS;
  while (performance.now() < until) {
    socket.send(question, server);
    if (poller.wait(ASK_EVERY_MS) > 0 && socket.take() > 0) {
      return readLoadMessage(socket.memory, socket.datagramOffset(0)).first;
    }
  }
  throw new Error("Cannot count a load: the peer is silent");
}
