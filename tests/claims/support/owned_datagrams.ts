/**
 * - `owned_datagrams.ts server ADDRESS PORT`: answers each token with itself, several times.
 * - `owned_datagrams.ts client VIP PORT FOR_MS AT_ONCE ADDRESS…`: short UDP sessions, so many at once and one
 *   after another, each from a new port; each checks what it receives. Prints JSON at the end.
 */
import { socketAddress, UdpSocket } from "../../../lab/traffic/udp_socket.ts";
import { tokenOf } from "./owned_session.ts";

/** What the client prints. */
export interface DatagramsReport {
  readonly sessions: number;
  readonly received: number;
  /** Datagrams with another session's token. */
  readonly wrong: number;
}

const ANSWERS = 5;
const ANSWER_MS = 20;
const SESSION_MS = 250;
const FIRST_PORT = 20_000;
const PORTS = 10_000;

const [role = "", address = "", port = "", forMs = "", atOnce = "", ...clients] = Deno.args;
if (role === "server") await serve();
else await ask();

async function serve(): Promise<void> {
  const socket = new UdpSocket({ hostname: address, port: Number(port) });
  console.log(JSON.stringify("listening"));
  for (;;) {
    for (const { bytes, from } of await socket.receive(1_000)) answer(socket, bytes.slice(), from);
  }
}

async function answer(
  socket: UdpSocket,
  token: Uint8Array<ArrayBuffer>,
  to: Uint8Array<ArrayBuffer>,
): Promise<void> {
  for (let i = 0; i < ANSWERS; i++) {
    socket.send(token, to);
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  }
}

async function ask(): Promise<void> {
  const counts = { sessions: 0, received: 0, wrong: 0 };
  const endMs = performance.now() + Number(forMs);
  const to = socketAddress(address, Number(port));
  const again = async () => {
    while (performance.now() < endMs) await session(to, counts);
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, again));
  console.log(JSON.stringify(counts satisfies DatagramsReport));
}

async function session(
  to: Uint8Array<ArrayBuffer>,
  counts: { sessions: number; received: number; wrong: number },
): Promise<void> {
  const number = ++counts.sessions;
  const hostname = clients[number % clients.length]!;
  const own = FIRST_PORT + number % PORTS;
  using socket = new UdpSocket({ hostname, port: own });
  const token = tokenOf(`${hostname}:${own}`, number);
  socket.send(new TextEncoder().encode(token), to);
  const endMs = performance.now() + SESSION_MS;
  for (let left = ANSWERS; left > 0 && performance.now() < endMs;) {
    for (const { bytes } of await socket.receive(50)) {
      counts.received++;
      left--;
      if (new TextDecoder("latin1").decode(bytes) !== token) counts.wrong++;
    }
  }
}
