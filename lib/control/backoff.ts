/** Pauses between attempts that double from the first to the longest, each shortened at random by up to a half. */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #random: () => number;
  #nextMs: number;

  /** `random` gives numbers from 0 to 1, as `Math.random` does. */
  constructor(options: { firstMs: number; longestMs: number; random: () => number }) {
    this.#firstMs = options.firstMs;
    this.#longestMs = options.longestMs;
    this.#random = options.random;
    this.#nextMs = options.firstMs;
  }

  /** How long to wait now. Many who lost the same peer at once do not come back at once. */
  pauseMs(): number {
    const pauseMs = this.#nextMs * (1 - this.#random() / 2);
    this.#nextMs = Math.min(2 * this.#nextMs, this.#longestMs);
    return pauseMs;
  }

  /** It worked: begin anew. */
  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
