import { LATENCY_BOUNDS } from "../metrics/histogram.ts";
import { Histograms } from "../metrics/tally.ts";

/** Counts what the main thread of an agent sees go by. */
export class AgentTally {
  installed = 0;
  removed = 0;
  /** From the sending of a report to the grant that answers it. */
  readonly roundTrip = new Histograms(LATENCY_BOUNDS, "nat");
  #viaNat = 0;

  /** Packets that took the way via NAT: a difference of two counts that are not written at once, so it may lag. */
  viaNat(forwarded: number, direct: number): number {
    this.#viaNat = Math.max(this.#viaNat, forwarded - direct);
    return this.#viaNat;
  }
}
