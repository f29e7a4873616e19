/**
 * Since when something has lain below a bound, by slot: one look above it begins anew. So a rate that
 * swings about the bound stops nothing.
 */
export class LowSince {
  readonly #since: Float64Array;

  constructor(capacity: number) {
    this.#since = new Float64Array(capacity + 1);
  }

  /** For how long it has been low now, in ms. */
  look(slot: number, low: boolean, nowMs: number): number {
    if (!low) {
      this.#since[slot] = 0;
      return 0;
    }
    if (this.#since[slot] === 0) this.#since[slot] = nowMs;
    return nowMs - this.#since[slot]!;
  }

  clear(slot: number): void {
    this.#since[slot] = 0;
  }
}
