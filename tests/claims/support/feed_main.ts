/**
 * `feed_main.ts server ADDRESS:PORT` serves TCP and UDP. Each line that a TCP client sends, and each
 * datagram, is an order: `feed MS` has the server send something every MS from then on, by itself;
 * `quiet` ends that, `end` closes the connection, `reset` breaks it off.
 * `feed_main.ts tcp|udp ADDRESS:PORT LOCALPORT` is a client that passes orders on from its standard
 * input, and prints `"got"` for what comes and `"over"` when a connection ends.
 */
import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { TextLineStream } from "../../../lab/text_line_stream.ts";
import { parseListen } from "../../../lab/traffic/program.ts";

/** Bytes of what is sent by itself, in one packet. */
const PIECE = Buffer.alloc(100, "feed ");

function serve(hostname: string, port: number): void {
  const tcp = createServer((socket) => {
    const feed = new Feed(() => socket.write(PIECE));
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => feed.follow("quiet"));
    socket.on("data", (data) => {
      const order = String(data).trim();
      feed.follow(order);
      if (order === "end") socket.end();
      if (order === "reset") socket.resetAndDestroy();
    });
  });
  tcp.listen(port, hostname);
  const udp = createSocket("udp4");
  let feed = new Feed(() => {});
  udp.on("message", (order, from) => {
    feed.follow("quiet");
    feed = new Feed(() => udp.send(PIECE, from.port, from.address));
    feed.follow(String(order));
  });
  udp.bind(port, hostname, () => console.log(JSON.stringify("listening")));
}

class Feed {
  readonly #send: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(send: () => void) {
    this.#send = send;
  }

  follow(order: string): void {
    const [verb, everyMs] = order.split(" ");
    clearInterval(this.#timer);
    if (verb === "feed") this.#timer = setInterval(this.#send, Number(everyMs));
  }
}

interface Client {
  readonly role: string;
  readonly hostname: string;
  readonly port: number;
  readonly localPort: number;
}

async function ask({ role, hostname, port, localPort }: Client): Promise<void> {
  let order: (text: string) => void;
  if (role === "tcp") {
    const socket = connect({ host: hostname, port, localPort });
    socket.on("data", () => tell("got"));
    socket.on("error", () => {});
    socket.on("close", () => tell("over"));
    order = (text) => socket.write(`${text}\n`);
  } else {
    const socket = createSocket("udp4");
    socket.bind(localPort);
    socket.on("message", () => tell("got"));
    order = (text) => socket.send(text, port, hostname);
  }
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) order(line);
}

function tell(what: "got" | "over"): void {
  console.log(JSON.stringify(what));
}

if (import.meta.main) {
  const [role, endpoint = "", localPort] = Deno.args;
  const { hostname, port } = parseListen(endpoint);
  if (role === "server") serve(hostname, port);
  else await ask({ role: role!, hostname, port, localPort: Number(localPort) });
}
