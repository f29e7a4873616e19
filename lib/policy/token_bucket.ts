/** Limits how much is done, on average and at once. Pure: the time is an argument, in milliseconds. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledMs: number;

  /** Starts full: `burst` at once, `perSecond` in the long run. */
  constructor(options: { perSecond: number; burst: number; nowMs: number }) {
    this.#perMs = options.perSecond / 1000;
    this.#burst = options.burst;
    this.#tokens = options.burst;
    this.#filledMs = options.nowMs;
  }

  /** Whether there is nothing left to spend. */
  isEmpty(nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#filledMs);
    this.#filledMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs);
    return this.#tokens < 1;
  }

  /** Counts what was done, even when it was more than there was left: then the pause is longer. */
  spend(count: number): void {
    this.#tokens -= count;
  }
}
