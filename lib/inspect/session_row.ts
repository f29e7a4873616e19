import { DIRECT, F64, I32 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import type { SessionView } from "../session/session_view.ts";

/**
 * A session that may be shown. Of most of a million one number is wanted, so only what is asked for is
 * read, and only those that are shown are put into words.
 */
export class SessionRow {
  readonly #records: SessionRecords;
  readonly #slot: number;
  readonly #viewAt: (slot: number) => SessionView | null;
  #view: SessionView | null | undefined;
  /** Of the session in this table, never given twice. */
  readonly id: number;

  constructor(
    records: SessionRecords,
    slot: number,
    viewAt: (slot: number) => SessionView | null,
  ) {
    this.#records = records;
    this.#slot = slot;
    this.#viewAt = viewAt;
    this.id = records.getF64(slot, F64.id);
  }

  /** Of both directions and both paths. */
  get bytes(): number {
    const records = this.#records;
    const slot = this.#slot;
    const hasBypassed = records.getU32(slot, I32.generation) !== 0;
    return records.getF64(slot, F64.bytesFromClient) + records.getF64(slot, F64.bytesViaNat) +
      (hasBypassed ? records.getDirect(slot, DIRECT.bytes) : 0);
  }

  /** Null when it has ended before it was asked for. */
  get view(): SessionView | null {
    if (this.#view === undefined) {
      const view = this.#viewAt(this.#slot);
      // Another session may have got the slot meanwhile.
      this.#view = this.#records.getF64(this.#slot, F64.id) === this.id ? view : null;
    }
    return this.#view;
  }
}
