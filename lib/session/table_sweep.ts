import { F64, U8 } from "./layout.ts";
import type { SessionRecords } from "./session_records.ts";
import { STATE } from "./tcp_state.ts";

/**
 * A walk over the sessions that stand in a table when it begins, a few records at a time, while
 * sessions come and go: each is visited once unless it ends before, and none that came later is.
 */
export class TableSweep {
  readonly #records: SessionRecords;
  /** Slots from here downwards have not been looked at. */
  #at = 0;
  #firstNewId = 0;

  constructor(records: SessionRecords) {
    this.#records = records;
  }

  /** Begins anew. */
  begin(): void {
    this.#at = this.#records.highWater;
    this.#firstNewId = this.#records.nextId;
  }

  get done(): boolean {
    return this.#at === 0;
  }

  /** Is the session in this slot still to be visited? */
  awaits(slot: number): boolean {
    return slot <= this.#at && this.#records.getF64(slot, F64.id) < this.#firstNewId;
  }

  /** Looks at up to `budget` slots. */
  step(budget: number, visit: (slot: number) => void): void {
    const records = this.#records;
    for (let n = 0; n < budget && this.#at > 0; n++) {
      const slot = this.#at;
      const isWanted = records.getU8(slot, U8.state) !== STATE.free && records.owns(slot) &&
        this.awaits(slot);
      this.#at = slot - 1;
      if (isWanted) visit(slot);
    }
  }
}
