/**
 * `datagram_main.ts server ADDRESS:PORT` answers each request with as many datagrams as it asks for.
 * `datagram_main.ts client ADDRESS:PORT LOCALPORT` reads lines `COUNT TOGETHER` from its standard
 * input, asks for so many and prints, once that many different ones have come, a {@linkcode DatagramCount} as JSON.
 *
 * ```text
 *   request    0  first number  u32       response   0  number  u32
 *              4  count         u32                  4  bytes that follow from the number
 *              8  together      u32
 * ```
 *
 * So many of them, `together`, are handed to the server's kernel with one call (UDP_SEGMENT).
 */
import { TextLineStream } from "../../../lab/text_line_stream.ts";
import { parseListen } from "../../../lab/traffic/program.ts";
import { sameEndpoint, socketAddress, UdpSocket } from "../../../lab/traffic/udp_socket.ts";

/** What has come to a client so far. */
export interface DatagramCount {
  readonly received: number;
  readonly duplicates: number;
  /** Not what the server sends under that number. */
  readonly wrong: number;
  /** From another endpoint than the one asked. */
  readonly strangers: number;
}

/** IP bytes of each response. */
export const DATAGRAM_BYTES = 1_000;
const PAYLOAD_BYTES = DATAGRAM_BYTES - 28;
/** After so many the server pauses: a burst must not be more than the queues on its way hold. */
const BURST = 32;
const PAUSE_MS = 2;
const WAIT_MS = 1_000;

if (import.meta.main) {
  const [role, endpoint = "", localPort] = Deno.args;
  await (role === "server" ? serve(endpoint) : ask(endpoint, Number(localPort)));
}

async function serve(endpoint: string): Promise<void> {
  using socket = new UdpSocket(parseListen(endpoint));
  socket.sendInDatagramsOf(PAYLOAD_BYTES);
  console.log(JSON.stringify("listening"));
  for (;;) {
    for (const { bytes, from } of await socket.receive(WAIT_MS)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const first = view.getUint32(0);
      const together = view.getUint32(8);
      answer(socket, { first, end: first + view.getUint32(4), together, to: from });
    }
  }
}

interface Answer {
  readonly first: number;
  readonly end: number;
  readonly together: number;
  readonly to: Uint8Array<ArrayBuffer>;
}

async function answer(socket: UdpSocket, { first, end, together, to }: Answer): Promise<void> {
  let sinceBurst = 0;
  for (let number = first; number < end;) {
    const count = Math.min(together, end - number);
    while (!socket.send(responses(number, count), to)) await pause();
    number += count;
    sinceBurst += count;
    if (sinceBurst < BURST) continue;
    sinceBurst = 0;
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

function responses(first: number, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * PAYLOAD_BYTES);
  for (let i = 0; i < count; i++) bytes.set(response(first + i), i * PAYLOAD_BYTES);
  return bytes;
}

function response(number: number): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from({ length: PAYLOAD_BYTES }, (_, i) => number * 31 + i * 7);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

async function ask(endpoint: string, localPort: number): Promise<void> {
  const { hostname, port } = parseListen(endpoint);
  const server = socketAddress(hostname, port);
  using socket = new UdpSocket({ hostname: "0.0.0.0", port: localPort });
  const seen = new Set<number>();
  const count = { received: 0, duplicates: 0, wrong: 0, strangers: 0 };
  let asked = 0;
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const [wanted, together] = line.split(" ").map(Number);
    const request = new Uint8Array(12);
    const view = new DataView(request.buffer);
    [asked, wanted!, together!].forEach((word, i) => view.setUint32(4 * i, word));
    asked += wanted!;
    socket.send(request, server);
    while (seen.size < asked) {
      for (const { bytes, from } of await socket.receive(WAIT_MS)) {
        const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
        count.received++;
        if (!sameEndpoint(from, server)) count.strangers++;
        else if (!sameBytes(bytes, response(number))) count.wrong++;
        else if (seen.has(number)) count.duplicates++;
        else seen.add(number);
      }
    }
    console.log(JSON.stringify(count satisfies DatagramCount));
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
