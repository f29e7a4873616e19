/** Numbers that look random, the same for the same seed (Marsaglia's xorshift). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 0x9e3779b1 | 0) || 1;
  }

  /** A signed word of 32 bits. */
  word(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return this.#state = x;
  }

  /** From 0 up to, and not including, `count`. */
  below(count: number): number {
    return (this.word() >>> 0) % count;
  }
}
