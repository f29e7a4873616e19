import { announce, parseListen } from "./program.ts";
import { readStreamDatagram, type StreamRequest } from "./stream_datagram.ts";
import { sameEndpoint, socketAddress, UdpSocket } from "./udp_socket.ts";

export interface UdpStreamClientArguments {
  readonly connect: string;
  readonly count: number;
  readonly sizeBytes: number;
  readonly rate: number;
  readonly progressMs: number;
}

/** The last line that `udp-stream-client` prints. */
export interface UdpStreamResult {
  readonly event: "done";
  readonly expected: number;
  readonly received: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Datagrams whose hash is wrong. */
  readonly corrupted: number;
  /** Datagrams from another endpoint than the one asked. */
  readonly strangers: number;
  readonly ok: boolean;
  readonly ms: number;
}

const ASK_EVERY_MS = 500;
/** A stream that is silent for so long has ended, whatever is missing. */
const SILENCE_MS = 3_000;

/**
 * `udp-stream-client ADDRESS:PORT`: asks for a stream and counts what comes. Fails unless every
 * datagram comes, unchanged, from the endpoint that was asked.
 */
export async function udpStreamClient(args: UdpStreamClientArguments): Promise<number> {
  const { hostname, port } = parseListen(args.connect);
  const server = socketAddress(hostname, port);
  using socket = new UdpSocket({ hostname: hostname.includes(":") ? "::" : "0.0.0.0", port: 0 });
  const stream = crypto.getRandomValues(new Uint32Array(1))[0] as number;
  const request: StreamRequest = {
    stream,
    count: args.count,
    sizeBytes: args.sizeBytes,
    rate: args.rate,
  };
  const question = new TextEncoder().encode(JSON.stringify(request));
  const counts = new StreamCounts(args.count);

  const started = performance.now();
  let lastHeard = started;
  let nextAsk = started;
  let nextProgress = started + args.progressMs;
  for (;;) {
    const now = performance.now();
    if (counts.received === args.count || now - lastHeard > SILENCE_MS) break;
    if (now >= nextAsk) {
      socket.send(question, server);
      nextAsk = now + ASK_EVERY_MS;
    }
    if (now >= nextProgress) {
      announce({ event: "progress", received: counts.received, ms: Math.round(now - started) });
      nextProgress = now + args.progressMs;
    }
    for (const { bytes, from } of await socket.receive(50)) {
      lastHeard = performance.now();
      if (!sameEndpoint(from, server)) counts.strangers++;
      else counts.add(readStreamDatagram(bytes, stream));
    }
  }
  const result: UdpStreamResult = {
    event: "done",
    expected: args.count,
    received: counts.received,
    missing: args.count - counts.received,
    duplicates: counts.duplicates,
    reordered: counts.reordered,
    corrupted: counts.corrupted,
    strangers: counts.strangers,
    ok: counts.received === args.count && counts.corrupted === 0 && counts.strangers === 0,
    ms: Math.round(lastHeard - started),
  };
  announce(result);
  return result.ok ? 0 : 1;
}

class StreamCounts {
  readonly #seen: Uint8Array;
  #highest = -1;
  received = 0;
  duplicates = 0;
  reordered = 0;
  corrupted = 0;
  strangers = 0;

  constructor(count: number) {
    this.#seen = new Uint8Array(count);
  }

  add(number: number | null): void {
    if (number === null || number >= this.#seen.length) this.corrupted++;
    else if (this.#seen[number] === 1) this.duplicates++;
    else {
      this.#seen[number] = 1;
      this.received++;
      if (number < this.#highest) this.reordered++;
      else this.#highest = number;
    }
  }
}
