/** How long news is gathered into one report. */
const GATHERING_MS = 2;
/** Data that is sent again is news at most so often: a path that loses a little does so all the time. */
const RESENT_EVERY_MS = 100;

/** Reports that do not wait for the next second: something happened that the NAT machine acts on. */
export class EarlyReports implements Disposable {
  readonly #send: () => void;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueMs = Infinity;
  #resentMs = -Infinity;

  /** @param now milliseconds */
  constructor(send: () => void, now: () => number) {
    this.#send = send;
    this.#now = now;
  }

  /** A session is closing. */
  closing(): void {
    this.#within(GATHERING_MS);
  }

  /** A server sends again what it had sent directly. */
  resent(): void {
    const now = this.#now();
    // One is due already.
    if (this.#resentMs > now) return;
    const waitMs = Math.max(GATHERING_MS, this.#resentMs + RESENT_EVERY_MS - now);
    this.#resentMs = now + waitMs;
    this.#within(waitMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #within(waitMs: number): void {
    const dueMs = this.#now() + waitMs;
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Infinity;
      // What was to go out later goes with it.
      this.#resentMs = Math.min(this.#resentMs, this.#now());
      this.#send();
    }, waitMs);
  }
}
