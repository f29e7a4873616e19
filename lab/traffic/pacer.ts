/**
 * Keeps a sender to a rate. What is late is caught up, a little at a time, so that the rate holds
 * over seconds though timers of a busy machine come late.
 */
export class Pacer {
  #perSecond: number;
  readonly #started = performance.now();
  #done = 0;

  /** `perSecond` in bytes, packets or whatever is counted; 0: no limit. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** From now on there is no limit. */
  release(): void {
    this.#perSecond = 0;
  }

  /** Waits until `amount` more may be sent. */
  async pass(amount: number): Promise<void> {
    if (this.#perSecond > 0) {
      const dueMs = this.#started + this.#done / this.#perSecond * 1000;
      const earlyMs = dueMs - performance.now();
      if (earlyMs >= 1) await new Promise((resolve) => setTimeout(resolve, earlyMs));
    }
    this.#done += amount;
  }
}
