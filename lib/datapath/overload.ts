import { type QueueCounts, QueueWait } from "./queue_wait.ts";

/**
 * Packets that wait so long and longer are a sign of overload: far above what a burst or a busy host
 * causes, and a client whose packet is refused at this point would hardly have got an answer sooner.
 */
const CLOSE_MS = 40;
/** Below that, new sessions are admitted again. */
const OPEN_MS = 10;
/**
 * New sessions are refused only where one packet in so many would begin one, else nothing is gained:
 * downloads fill any queue by themselves, and slow down when the network tells them to.
 */
const OPENERS = 16;
/** The share of openers is that of about so many packets that came last. */
const WINDOW_PACKETS = 4096;

/**
 * Whether a packet thread has more to do than it can, so that new sessions have to wait for the sake of
 * those that exist. A packet that is refused before anything is done for it costs a fraction of one
 * that is sent on, so the queues are soon short again. Pure given time; allocates nothing.
 *
 * ```text
 *            a queue waits CLOSE_MS, and openers are many
 *   open ────────────────────────────────────────────────▶ closed
 *        ◀────────────────────────────────────────────────
 *            no queue waits OPEN_MS, or openers are few
 * ```
 */
export class Overload {
  readonly #waits: (QueueWait | null)[];
  #isClosed = false;
  #packets = 0;
  #openers = 0;

  /** @param queues of each source of packets; null where nobody counts what waits */
  constructor(queues: readonly (QueueCounts | null)[]) {
    this.#waits = queues.map((counts) => counts === null ? null : new QueueWait(counts));
  }

  /** Whether new sessions are refused. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** To be told of each packet that would begin a session; false: it is to be dropped. */
  admits(): boolean {
    this.#openers++;
    return !this.#isClosed;
  }

  /** To be told whenever packets were taken from a source, also when there were none. */
  took(source: number, count: number, more: boolean, nowMs: number): void {
    const wait = this.#waits[source];
    if (wait) wait.took(count, more, nowMs);
    this.#packets += count;
    if (this.#packets >= 2 * WINDOW_PACKETS) {
      this.#packets /= 2;
      this.#openers /= 2;
    }
    this.#isClosed = this.#openers * OPENERS >= this.#packets && this.#openers > 0 &&
      this.#longestMs() >= (this.#isClosed ? OPEN_MS : CLOSE_MS);
  }

  #longestMs(): number {
    let longestMs = 0;
    for (let i = 0; i < this.#waits.length; i++) {
      const wait = this.#waits[i];
      if (wait && wait.waitMs > longestMs) longestMs = wait.waitMs;
    }
    return longestMs;
  }
}
