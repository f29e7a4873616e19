import { COUNTER } from "../session/counters.ts";

/**
 * Whether packet workers go round, or stand still because they were told to: they wake up 20 times a
 * second when there is nothing to do, and count batches when there is.
 */
export class WorkerPulse {
  readonly #counters: readonly Float64Array[];
  readonly #isPaused: () => boolean;
  #turns: readonly number[] = [];

  /**
   * @param counters of each worker
   * @param isPaused whether they were told to stand still; whoever tells them so has to see that it ends
   */
  constructor(counters: readonly Float64Array[], isPaused: () => boolean = () => false) {
    this.#counters = counters;
    this.#isPaused = isPaused;
  }

  /** Has each one gone round since this was asked last? To be asked a second apart or more. */
  beats(): boolean {
    const turns = this.#counters.map((it) => it[COUNTER.wakeUps]! + it[COUNTER.batches]!);
    const beats = turns.every((count, worker) => count !== this.#turns[worker]);
    this.#turns = turns;
    return beats || this.#isPaused();
  }
}
