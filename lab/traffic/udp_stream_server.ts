import { Pacer } from "./pacer.ts";
import { announce, parseListens } from "./program.ts";
import { readStreamRequest, type StreamRequest, StreamWriter } from "./stream_datagram.ts";
import { UdpSocket } from "./udp_socket.ts";

/**
 * `udp-stream-server --listen ADDRESS:PORT…`: whoever asks gets the stream of numbered datagrams that
 * it describes. A request that comes again (it also keeps NAT sessions awake) changes nothing.
 */
export async function udpStreamServer(
  args: { readonly listen: readonly string[] },
): Promise<number> {
  const sockets = parseListens(args.listen).map((each) => new UdpSocket(each));
  announce({ event: "listening", addresses: args.listen });
  await Promise.all(sockets.map(serve));
  return 0;
}

async function serve(socket: UdpSocket): Promise<never> {
  const streams = new Set<string>();
  for (;;) {
    for (const { bytes, from } of await socket.receive(1000)) {
      const request = readStreamRequest(bytes);
      if (request === null) continue;
      const key = `${from.join(".")}/${request.stream}`;
      if (streams.has(key)) continue;
      streams.add(key);
      sendStream(socket, request, from).catch((error) => console.error(`Stream ended: ${error}`));
    }
  }
}

async function sendStream(
  socket: UdpSocket,
  request: StreamRequest,
  to: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = new StreamWriter(request);
  const pacer = new Pacer(request.rate);
  for (let number = 0; number < request.count; number++) {
    await pacer.pass(1);
    while (!socket.send(writer.datagram(number), to)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
