import { type Judgement, type ProgressSample, ProgressWatch } from "./progress.ts";

const MSS = 1448;
const FIRST_SEQUENCE = -5 * MSS;

export interface TransferOptions {
  readonly rttMs: number;
  /** Whether a packet that leaves directly now is lost. */
  readonly lost: (nowMs: number, bytes: number) => boolean;
  /** Bytes that the application has written so far. Default: more than can be sent. */
  readonly written?: (nowMs: number) => number;
  /** Whether the client's application reads. Default: always. */
  readonly reads?: (nowMs: number) => boolean;
  /** The server's smallest retransmission timeout. Default 200 ms. */
  readonly smallestRtoMs?: number;
  readonly durationMs: number;
}

export interface Judged {
  readonly judgement: Judgement;
  readonly atMs: number;
}

/**
 * A server that sends to a client directly, with the retransmissions of RFC 6298 and 6675 as far as
 * they matter here, and a NAT machine that watches it by reports: one a second, and one 2 ms after
 * something was sent again. Time runs in steps of a millisecond.
 *
 * @returns the first judgement that would stop the session, or null; and how often it was proven
 */
export function watchTransfer(
  options: TransferOptions,
): { stopped: Judged | null; proven: number; deliveredBytes: number; firstLossMs: number } {
  const server = new Server(options);
  const watch = new ProgressWatch(server.sample(), 0);
  let reported = server.sample();
  let reportMs = 1_000;
  let earlyMs = -Infinity;
  let heard = 0;
  let suspect = false;
  let proven = 0;
  for (let now = 0; now < options.durationMs; now++) {
    server.step(now);
    if (server.resent > heard && reportMs > now + 2 && now - earlyMs >= 100) {
      reportMs = now + 2;
      earlyMs = now + 2;
    }
    const isReport = now >= reportMs;
    if (isReport) {
      reported = server.sample();
      heard = server.resent;
      reportMs = now + 1_000;
    }
    // Every second all sessions are looked at, every tenth of a second the suspects.
    if (!isReport && now % 1_000 !== 500 && !(suspect && now % 100 === 50)) continue;
    // What the client says passes the NAT machine and is always as of now.
    const { acknowledgement, zeroWindow } = server.sample();
    const judgement = watch.observe({ ...reported, acknowledgement, zeroWindow }, now);
    suspect = judgement === "suspect";
    if (judgement === "proven") proven++;
    if (judgement === "stalled" || judgement === "unheard" || judgement === "lossy") {
      return { ...server.outcome(), stopped: { judgement, atMs: now }, proven };
    }
  }
  return { ...server.outcome(), stopped: null, proven };
}

interface Flight {
  readonly from: number;
  readonly bytes: number;
  sentMs: number;
  /** Not known to be lost, nor received. */
  out: boolean;
}

class Server {
  readonly #options: TransferOptions;
  readonly #flights: Flight[] = [];
  readonly #received = new Set<number>();
  readonly #arrivals: { readonly atMs: number; readonly from: number; readonly bytes: number }[] =
    [];
  readonly #acks: { readonly atMs: number; readonly upTo: number; readonly got: number }[] = [];
  #next = 0;
  #acknowledged = 0;
  /** Contiguous at the client, as its kernel has it. */
  #contiguous = 0;
  #read = 0;
  #window = 10;
  #rtoMs: number;
  #timerMs = Infinity;
  #packets = 0;
  #bytes = 0;
  #highest = 0;
  #resentFrom = NaN;
  #zeroWindow = false;
  resent = 0;
  #resentAgain = 0;
  #firstLossMs = NaN;

  constructor(options: TransferOptions) {
    this.#options = options;
    this.#rtoMs = this.#baseRtoMs;
  }

  get #baseRtoMs(): number {
    const { rttMs, smallestRtoMs = 200 } = this.#options;
    return rttMs + smallestRtoMs;
  }

  sample(): ProgressSample {
    return {
      acknowledgement: (FIRST_SEQUENCE + this.#acknowledged) | 0,
      zeroWindow: this.#zeroWindow,
      clientSequence: 1,
      clientResent: 0,
      natSequence: FIRST_SEQUENCE,
      sequence: this.#packets === 0 ? null : FIRST_SEQUENCE + this.#highest,
      packets: this.#packets,
      bytes: this.#bytes,
      resent: this.resent,
      resentAgain: this.#resentAgain,
    };
  }

  outcome() {
    return { deliveredBytes: this.#contiguous, firstLossMs: this.#firstLossMs };
  }

  step(now: number): void {
    this.#client(now);
    while (this.#acks.length > 0 && this.#acks[0]!.atMs <= now) {
      this.#onAck(this.#acks.shift()!, now);
    }
    if (now >= this.#timerMs) this.#timeout(now);
    const { written = () => Infinity } = this.#options;
    while (this.#maySend() && this.#next < written(now)) {
      const bytes = Math.min(MSS, written(now) - this.#next);
      const flight = { from: this.#next, bytes, sentMs: now, out: true };
      this.#flights.push(flight);
      this.#next += bytes;
      this.#send(flight, now);
    }
  }

  #maySend(): boolean {
    return !this.#zeroWindow && this.#flights.filter((it) => it.out).length < this.#window;
  }

  #send(flight: Flight, now: number): void {
    const { lost, rttMs } = this.#options;
    const { from, bytes } = flight;
    flight.sentMs = now;
    flight.out = true;
    this.#packets++;
    this.#bytes += bytes + 52;
    if (from + bytes > this.#highest) this.#highest = from + bytes;
    else {
      if (this.resent > 0 && from <= this.#resentFrom) this.#resentAgain++;
      this.#resentFrom = from;
      this.resent++;
    }
    if (this.#timerMs === Infinity) this.#timerMs = now + this.#rtoMs;
    if (!lost(now, bytes + 52)) this.#arrivals.push({ atMs: now + rttMs / 2, from, bytes });
    else if (Number.isNaN(this.#firstLossMs)) this.#firstLossMs = now;
  }

  #client(now: number): void {
    const { rttMs, reads = () => true } = this.#options;
    if (reads(now) && this.#read < this.#contiguous) {
      const wasFull = this.#contiguous - this.#read >= 20 * MSS;
      this.#read = this.#contiguous;
      if (wasFull) this.#acks.push({ atMs: now + rttMs / 2, upTo: this.#contiguous, got: -1 });
    }
    while (this.#arrivals.length > 0 && this.#arrivals[0]!.atMs <= now) {
      const { from, bytes } = this.#arrivals.shift()!;
      this.#received.add(from);
      if (from === this.#contiguous) {
        this.#contiguous += bytes;
        for (;;) {
          const next = this.#flights.find((it) => it.from === this.#contiguous);
          if (next === undefined || !this.#received.has(next.from)) break;
          this.#contiguous += next.bytes;
        }
      }
      this.#acks.push({ atMs: now + rttMs / 2, upTo: this.#contiguous, got: from });
    }
  }

  /** An acknowledgement with the one block that came last, as a selective one has. */
  #onAck({ upTo, got }: { upTo: number; got: number }, now: number): void {
    this.#zeroWindow = this.#contiguous - this.#read >= 20 * MSS;
    if (upTo > this.#acknowledged) {
      this.#acknowledged = upTo;
      while (this.#flights.length > 0 && this.#flights[0]!.from < upTo) this.#flights.shift();
      this.#rtoMs = this.#baseRtoMs;
      this.#timerMs = this.#flights.length === 0 ? Infinity : now + this.#rtoMs;
      this.#window = Math.min(64, this.#window + 1);
    }
    const at = this.#flights.findIndex((it) => it.from === got);
    if (at < 0) return;
    this.#flights[at]!.out = false;
    // Three later ones arrived: what is before them and was not sent again since is lost.
    const lost = this.#flights.slice(0, Math.max(0, at - 2)).filter((it) =>
      !this.#received.has(it.from) && now - it.sentMs >= this.#options.rttMs + 1
    );
    for (const flight of lost) {
      this.#window = Math.max(2, this.#window >> 1);
      this.#send(flight, now);
    }
  }

  #timeout(now: number): void {
    const first = this.#flights.find((it) => !this.#received.has(it.from));
    if (first === undefined) {
      this.#timerMs = Infinity;
      return;
    }
    for (const flight of this.#flights) flight.out = false;
    this.#window = 1;
    this.#rtoMs *= 2;
    this.#send(first, now);
    this.#timerMs = now + this.#rtoMs;
  }
}
