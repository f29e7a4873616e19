import { HEADER_F64 } from "../session/layout.ts";

/** Of a damaged file nothing longer is believed than the longest lease. */
const LONGEST_MS = 3_600_000;

/**
 * How long agents may go on unheard, kept in the session table's header, where the next process reads it.
 * It is the longest lease that may still run: also that of the process before, until that must be over.
 */
export class LeaseRecord {
  readonly #headerF64: Float64Array;
  #earlierMs: number;
  readonly #earlierUntilMs: number;
  #ownMs = 0;

  /** @param now boot time, ms; the process before grants nothing any more */
  constructor(headerF64: Float64Array, now: number) {
    this.#headerF64 = headerF64;
    this.#earlierMs = Math.min(LONGEST_MS, headerF64[HEADER_F64.leaseMs]!) || 0;
    this.#earlierUntilMs = now + this.#earlierMs;
  }

  /** What the process before granted; 0: it cannot be in force any more. */
  get earlierMs(): number {
    return this.#earlierMs;
  }

  /** To be called before agents are granted this. */
  use(leaseMs: number): void {
    this.#ownMs = Math.max(this.#ownMs, leaseMs);
    this.#write();
  }

  /** To be called now and then. */
  tick(now: number): void {
    if (this.#earlierMs === 0 || now < this.#earlierUntilMs) return;
    this.#earlierMs = 0;
    this.#write();
  }

  #write(): void {
    this.#headerF64[HEADER_F64.leaseMs] = Math.max(this.#earlierMs, this.#ownMs);
  }
}
