import { type Random, seededRandom } from "../random.ts";

/** How often a message meets which fate, each a share of 0 to 1. */
export interface MessageFaultShares {
  readonly lose: number;
  readonly double: number;
  /** Arrives up to `lateMs` after it should, so that later messages overtake it. */
  readonly late: number;
  readonly lateMs: number;
}

export const NO_FAULTS: MessageFaultShares = { lose: 0, double: 0, late: 0, lateMs: 0 };

/** When copies of a message are to be delivered, in milliseconds from now; none: it is lost. */
export type Deliveries = readonly number[];

const PUNCTUAL: Deliveries = [0];
const LOST: Deliveries = [];

/** Decides the fate of each message, the same for the same seed and order. Pure. */
export class MessageFaults {
  readonly #shares: MessageFaultShares;
  readonly #random: Random;
  /** What has happened so far. */
  readonly counts = { passed: 0, lost: 0, doubled: 0, late: 0 };

  constructor(shares: MessageFaultShares, seed: number) {
    this.#shares = shares;
    this.#random = seededRandom(seed);
  }

  next(): Deliveries {
    const { lose, double, late, lateMs } = this.#shares;
    const fate = this.#random();
    const delayMs = this.#random() * lateMs;
    if (fate < lose) {
      this.counts.lost++;
      return LOST;
    }
    if (fate < lose + double) {
      this.counts.doubled++;
      return [0, delayMs];
    }
    if (fate < lose + double + late) {
      this.counts.late++;
      return [delayMs];
    }
    this.counts.passed++;
    return PUNCTUAL;
  }
}
