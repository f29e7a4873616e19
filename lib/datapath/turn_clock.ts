import { threadCpuMs } from "../linux/clock.ts";
import { COUNTER } from "../session/counters.ts";

/** The thread's CPU time is read no more often, so that it costs next to nothing. */
const READ_MS = 1;

/**
 * How long packets had to wait for a packet thread at most: the longest time between two looks at the
 * sources when the second one found something, and the most CPU time that the thread took in between.
 * The first is what packets feel; what it has above the second was other threads', or the host's.
 */
export class TurnClock {
  readonly #counters: Float64Array;
  readonly #cpuMs: () => number;
  /** When the sources were looked at last, or found to be empty. */
  #lookedMs = Infinity;
  #turnMs = 0;
  #turnCpuMs = 0;
  #readMs = -Infinity;
  #readCpuMs = 0;

  /** @param cpuMs of the calling thread */
  constructor(counters: Float64Array, cpuMs: () => number = threadCpuMs) {
    this.#counters = counters;
    this.#cpuMs = cpuMs;
  }

  /** The sources are looked at. */
  look(nowMs: number): void {
    this.#turnMs = nowMs - this.#lookedMs;
    this.#turnCpuMs = this.#turnMs;
    this.#lookedMs = nowMs;
    if (nowMs - this.#readMs < READ_MS) return;
    const cpuMs = this.#cpuMs();
    // What was read a little before the turn began makes it up to READ_MS longer.
    this.#turnCpuMs = Math.min(this.#turnMs, cpuMs - this.#readCpuMs);
    this.#readMs = nowMs;
    this.#readCpuMs = cpuMs;
  }

  /** There was something: it may have waited since the look before. */
  found(): void {
    raise(this.#counters, COUNTER.longestTurnMs, this.#turnMs);
    raise(this.#counters, COUNTER.longestTurnCpuMs, this.#turnCpuMs);
  }

  /** Until now there was nothing: the thread has slept. */
  slept(nowMs: number): void {
    this.#lookedMs = nowMs;
  }
}

function raise(counters: Float64Array, at: number, value: number): void {
  if (value > counters[at]!) counters[at] = value;
}
