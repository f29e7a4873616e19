/** How often values of which size were seen, in buckets whose bounds are given. */
export class Histogram {
  /** Upper bounds, rising; what is above the last one is counted too. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++;
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#sum += value;
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((total, count) => total + count, 0);
  }

  /** How many values were at most each bound. */
  get cumulative(): number[] {
    let total = 0;
    return this.bounds.map((_, i) => total += this.#counts[i]!);
  }
}

/** Of what takes less than a millisecond when all is well, and seconds when it is not; in seconds. */
export const LATENCY_BOUNDS: readonly number[] = [
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
];
