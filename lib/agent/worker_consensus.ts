/**
 * Counts which of several packet workers have carried out a command about an instruction. An agent
 * says that an instruction is in force, or no longer, only when the last of them has: each worker
 * carries its commands out in order and between two packets, so that from then on no packet leaves
 * by an instruction that was removed, whichever worker has it.
 */
export class WorkerConsensus {
  readonly #workers: number;
  readonly #done: Uint8Array;

  /** For instructions 1 to `capacity`. */
  constructor(capacity: number, workers: number) {
    this.#workers = workers;
    this.#done = new Uint8Array(capacity + 1);
  }

  /** A worker has carried it out for this instruction: was it the last one? Begins anew when it was. */
  isReached(slot: number): boolean {
    const done = this.#done[slot]! + 1;
    const isReached = done === this.#workers;
    this.#done[slot] = isReached ? 0 : done;
    return isReached;
  }
}
