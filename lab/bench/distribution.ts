/** Measurements of one quantity, sorted. Pure. */
export class Distribution {
  readonly #sorted: readonly number[];

  /** @throws {RangeError} without any measurement */
  constructor(samples: readonly number[]) {
    if (samples.length === 0) throw new RangeError("Cannot describe a distribution of no samples");
    this.#sorted = [...samples].sort((a, b) => a - b);
  }

  get count(): number {
    return this.#sorted.length;
  }

  get least(): number {
    return this.#sorted[0]!;
  }

  get largest(): number {
    return this.#sorted[this.count - 1]!;
  }

  /** The one in the middle, or the mean of both that are there. */
  get median(): number {
    const middle = (this.count - 1) / 2;
    return (this.#sorted[Math.floor(middle)]! + this.#sorted[Math.ceil(middle)]!) / 2;
  }

  /** The smallest measurement that this share (0 to 1) of all does not exceed. */
  quantile(share: number): number {
    return this.#sorted[Math.max(0, Math.ceil(this.count * share) - 1)]!;
  }

  /** How many lie below each bound and not below the one before; the last: not below any. */
  histogram(bounds: readonly number[]): number[] {
    const counts = new Array<number>(bounds.length + 1).fill(0);
    for (const sample of this.#sorted) {
      const at = bounds.findIndex((bound) => sample < bound);
      counts[at < 0 ? bounds.length : at]!++;
    }
    return counts;
  }
}
