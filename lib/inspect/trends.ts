/** How many looks back a sparkline goes. */
const KEPT = 12;

/** What a row is known by from one look to the next. */
export type RowId = string | number;

/** What rows that are looked at again and again were before. */
export class Trends {
  #before = new Map<RowId, number>();
  #now = new Map<RowId, number>();
  readonly #histories = new Map<RowId, number[]>();
  #lookedMs: number | null = null;
  #passedMs = 0;
  #table: number | undefined;

  /** Rows are known by what means something in this table alone: of another one nothing was seen before. */
  of(table: number | undefined): void {
    if (table === this.#table) return;
    this.#table = table;
    this.#before.clear();
    this.#histories.clear();
  }

  /** Another look at all rows begins. */
  begin(nowMs: number): void {
    this.#passedMs = this.#lookedMs === null ? 0 : nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    this.#before = this.#now;
    this.#now = new Map();
  }

  /** A row's number at this look. */
  note(id: RowId, value: number): void {
    this.#now.set(id, value);
  }

  /** By how much a row's number has grown since the look before, per second; null: it was not there. */
  rate(id: RowId): number | null {
    const now = this.#now.get(id);
    const before = this.#before.get(id);
    if (now === undefined || before === undefined || this.#passedMs <= 0) return null;
    return (now - before) * 1000 / this.#passedMs;
  }

  /** Remembers what a row that is shown shows now. */
  keep(id: RowId, value: number): void {
    const history = this.#histories.get(id) ?? [];
    history.push(value);
    if (history.length > KEPT) history.shift();
    this.#histories.set(id, history);
  }

  /** Oldest first. */
  history(id: RowId): readonly number[] {
    return this.#histories.get(id) ?? [];
  }

  /** All rows have been looked at: what is gone is forgotten. */
  end(): void {
    for (const id of this.#histories.keys()) {
      if (!this.#now.has(id)) this.#histories.delete(id);
    }
  }
}

/** Characters that a sparkline of all that is kept takes. */
export const TREND_WIDTH = KEPT;
