/**
 * What an agent remembers of instructions that are over, so that a late copy of an install does not bring one back, and a
 * repeated stop gets the same answer.
 *
 * @module
 */

import type { StoppedEntry } from "../control/messages.ts";

interface Tombstone {
  readonly generation: number;
  readonly untilMs: number;
  readonly answer: StoppedEntry | null;
}

/**
 * By session: the highest generation that is over. At its limit the oldest are forgotten, and every generation up to
 * theirs counts as over from then on: too much is refused, never too little.
 */
export class Tombstones {
  readonly #limit: number;
  /** In the order in which they end. */
  readonly #graves = new Map<string, Tombstone>();
  #floor = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#graves.size;
  }

  /** `generation` and all before it are over; `answer` is what a stop of just this generation is answered with. */
  add(
    key: { readonly session: string; readonly generation: number },
    answer: StoppedEntry | null,
    untilMs: number,
  ): void {
    const { session, generation } = key;
    const old = this.#graves.get(session);
    if (old && old.generation > generation) return;
    const kept = answer ?? (old?.generation === generation ? old.answer : null);
    this.#graves.delete(session);
    this.#graves.set(session, { generation, untilMs, answer: kept });
    if (this.#graves.size > this.#limit) this.#forgetOldest();
  }

  isOver(session: string, generation: number): boolean {
    return generation <= Math.max(this.#floor, this.#graves.get(session)?.generation ?? 0);
  }

  /** The last word on this generation, if it was held and is still remembered. */
  answer(session: string, generation: number): StoppedEntry | null {
    const grave = this.#graves.get(session);
    return grave?.generation === generation ? grave.answer : null;
  }

  /** Forgets what can no longer matter. */
  prune(now: number): void {
    for (const [session, { untilMs }] of this.#graves) {
      if (untilMs > now) return;
      this.#graves.delete(session);
    }
  }

  /** Generations start anew. */
  clear(): void {
    this.#graves.clear();
    this.#floor = 0;
  }

  #forgetOldest(): void {
    for (const [session, { generation }] of this.#graves) {
      this.#floor = Math.max(this.#floor, generation);
      this.#graves.delete(session);
      return;
    }
  }
}
