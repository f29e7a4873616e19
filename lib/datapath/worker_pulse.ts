import { COUNTER } from "../session/counters.ts";

/**
 * Whether a packet worker goes round: it wakes up 20 times a second when there is nothing to do, and
 * counts batches when there is.
 */
export class WorkerPulse {
  readonly #counters: Float64Array;
  #turns = -1;

  /** @param counters of the worker */
  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  /** Has it gone round since this was asked last? To be asked a second apart or more. */
  beats(): boolean {
    const turns = this.#counters[COUNTER.wakeUps]! + this.#counters[COUNTER.batches]!;
    const beats = turns !== this.#turns;
    this.#turns = turns;
    return beats;
  }
}
