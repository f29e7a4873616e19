import { COUNTER } from "../session/counters.ts";

/**
 * Whether a packet worker goes round, or stands still because it was told to: it wakes up 20 times a
 * second when there is nothing to do, and counts batches when there is.
 */
export class WorkerPulse {
  readonly #counters: Float64Array;
  readonly #isPaused: () => boolean;
  #turns = -1;

  /**
   * @param counters of the worker
   * @param isPaused whether it was told to stand still; whoever tells it so has to see that it ends
   */
  constructor(counters: Float64Array, isPaused: () => boolean = () => false) {
    this.#counters = counters;
    this.#isPaused = isPaused;
  }

  /** Has it gone round since this was asked last? To be asked a second apart or more. */
  beats(): boolean {
    const turns = this.#counters[COUNTER.wakeUps]! + this.#counters[COUNTER.batches]!;
    const beats = turns !== this.#turns;
    this.#turns = turns;
    return beats || this.#isPaused();
  }
}
