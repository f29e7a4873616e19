/**
 * `deno run -A owned_clients.ts VIP PORT FOR_MS AT_ONCE ADDRESS…`: short sessions from these addresses, so
 * many at once and one after another, for that long; each checks every byte. Prints JSON at the end.
 */
import { connect } from "node:net";
import { tokenOf } from "./owned_session.ts";

/** What the clients print. */
export interface ClientsReport {
  /** Got every byte that was theirs, and the end. */
  readonly complete: number;
  /** Left in the middle, on purpose. */
  readonly aborted: number;
  /** No NAT endpoint was free, or that of a handshake not complete yet was taken for somebody else. */
  readonly refused: number;
  /** Ended in the middle, or hung. */
  readonly broken: number;
  /** Received a byte that was not theirs. */
  readonly wrong: number;
  readonly whatBroke: readonly string[];
}

const [vip = "", port = "", forMs = "", atOnce = "", ...addresses] = Deno.args;
const MIN_BYTES = 100;
const MAX_BYTES = 40_000;
const ABORTED_SHARE = 0.15;
const CONNECT_MS = 3_000;
const HANG_MS = 15_000;

const endMs = performance.now() + Number(forMs);
const counts = { complete: 0, aborted: 0, refused: 0, broken: 0, wrong: 0 };
const whatBroke: string[] = [];
let number = 0;

console.log(JSON.stringify("begun"));
await Promise.all(Array.from({ length: Number(atOnce) }, again));
console.log(JSON.stringify({ ...counts, whatBroke: whatBroke.slice(0, 5) }));
Deno.exit(0);

async function again(): Promise<void> {
  while (performance.now() < endMs) {
    const outcome = await session(++number);
    counts[outcome]++;
    // Who is refused comes again, and not at once.
    const pauseMs = outcome === "refused" ? 50 + Math.random() * 200 : 0;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function session(number: number): Promise<keyof typeof counts> {
  const wanted = MIN_BYTES + Math.floor(Math.random() * (MAX_BYTES - MIN_BYTES));
  const enough = Math.random() < ABORTED_SHARE ? Math.floor(Math.random() * wanted) : Infinity;
  const localAddress = addresses[number % addresses.length]!;
  let expected = "";
  let bytes = 0;
  return new Promise((resolve) => {
    const socket = connect({ host: vip, port: Number(port), localAddress });
    let timer = setTimeout(() => end("refused"), CONNECT_MS);
    const end = (outcome: keyof typeof counts, why = "") => {
      clearTimeout(timer);
      if (outcome === "broken") whatBroke.push(`${why} after ${bytes} of ${wanted} bytes`);
      // Half of those who leave say so with a RST.
      if (outcome === "aborted" && number % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
      resolve(outcome);
    };
    socket.on("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(() => end("broken", "hung"), HANG_MS);
      const token = tokenOf(`${localAddress}:${socket.localPort}`, number);
      expected = token.repeat(Math.ceil(wanted / token.length)).slice(0, wanted);
      socket.write(`${token} ${wanted}\n`);
    });
    socket.on("data", (chunk: Uint8Array) => {
      const text = new TextDecoder("latin1").decode(chunk);
      if (text !== expected.slice(bytes, bytes + text.length)) return end("wrong");
      bytes += text.length;
      if (bytes >= enough) end("aborted");
    });
    socket.on("end", () => bytes === wanted ? end("complete") : end("broken", "ended"));
    socket.on("error", (error) => bytes === 0 ? end("refused") : end("broken", error.message));
  });
}
