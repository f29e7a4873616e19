/** When to worry about a heartbeat. */
export interface StillnessOptions {
  /** It stands still when it has not moved for so long. */
  readonly limitMs: number;
  /**
   * Counted at most for each look. Whoever looks less often than that did not run in between: it
   * was stopped itself, or the whole host slept, and then that the other did not move says nothing.
   */
  readonly longestMs: number;
}

/** Watches one heartbeat, by the clock of whoever looks. */
export class Stillness {
  readonly #limitMs: number;
  readonly #longestMs: number;
  #beat = NaN;
  #lookedMs = 0;
  #stillMs = 0;

  constructor({ limitMs, longestMs }: StillnessOptions) {
    this.#limitMs = limitMs;
    this.#longestMs = longestMs;
  }

  /** Whether it stands still, now that it is at `beat`. To be asked several times within the limit. */
  look(beat: number, nowMs: number): boolean {
    const passedMs = Math.min(nowMs - this.#lookedMs, this.#longestMs);
    this.#lookedMs = nowMs;
    this.#stillMs = beat === this.#beat ? this.#stillMs + passedMs : 0;
    this.#beat = beat;
    return this.#stillMs >= this.#limitMs;
  }
}
