import { Pacer } from "./pacer.ts";
import { announce, parseListens } from "./program.ts";
import {
  readStreamRequest,
  type StreamRequest,
  StreamWriter,
  writeStreamEnd,
} from "./stream_datagram.ts";
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

interface Stream {
  sent: number;
  ended: boolean;
}

async function serve(socket: UdpSocket): Promise<never> {
  const streams = new Map<string, Stream>();
  for (;;) {
    for (const { bytes, from } of await socket.receive(1000)) {
      const request = readStreamRequest(bytes);
      if (request === null) continue;
      const key = `${from.join(".")}/${request.stream}`;
      const known = streams.get(key);
      if (request.end) {
        if (known !== undefined) known.ended = true;
        socket.send(writeStreamEnd(request.stream, known?.sent ?? 0), from);
      } else if (known === undefined) {
        const stream = { sent: 0, ended: false };
        streams.set(key, stream);
        sendStream(socket, { request, stream, to: from })
          .catch((error) => console.error(`Stream ended: ${error}`));
      }
    }
  }
}

async function sendStream(
  socket: UdpSocket,
  { request, stream, to }: {
    readonly request: StreamRequest;
    readonly stream: Stream;
    readonly to: Uint8Array<ArrayBuffer>;
  },
): Promise<void> {
  const writer = new StreamWriter(request);
  const pacer = new Pacer(request.rate);
  while (stream.sent < request.count) {
    await pacer.pass(1);
    if (stream.ended) return;
    while (!socket.send(writer.datagram(stream.sent), to)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    stream.sent++;
  }
}
