/**
 * Rows as a table for people or as JSON for programs.
 *
 * @module
 */
import type { InspectHost } from "./host.ts";
import { humanBitRate, humanCount } from "../config/human.ts";
import type { InspectOptions } from "./options.ts";
import { paintFor } from "./palette.ts";
import { parseSort, pick, type SortKeys, sortKeys } from "./sort.ts";
import { sparkline } from "./sparkline.ts";
import { type Column, renderTable, type Value } from "./table.ts";
import { type RowId, TREND_WIDTH, type Trends } from "./trends.ts";

/** What is followed of rows that are looked at again and again (`--watch`). */
export interface Followed<Row extends object> {
  /** The same row at another look. */
  id(row: Row): RowId;
  /** Bytes that only grow become a rate; a number that goes up and down, a change. */
  readonly kind: "bytes" | "number";
  value(row: Row): number;
  /** What the JSON says of a row; null: the row is there no more. Absent: the row itself. */
  document?(row: Row): object | null;
}

/** How rows of one kind are shown. */
export class RowPrinter<Row extends object> {
  readonly #columns: readonly Column<Row>[];
  readonly #fields: Readonly<Record<string, (row: Row) => Value>>;
  readonly #followed: Followed<Row>;

  /** `fields` are sort keys for parts of the JSON that have no column. */
  constructor(
    columns: readonly Column<Row>[],
    followed: Followed<Row>,
    fields: Readonly<Record<string, (row: Row) => Value>> = {},
  ) {
    this.#columns = columns;
    this.#fields = fields;
    this.#followed = followed;
  }

  /**
   * What sorts, limits and prints the rows, to be had before anybody is asked for them: then wrong
   * usage is told even where nothing runs.
   *
   * @throws {AdminError}
   */
  prepare(
    { json, sort, limit = Infinity, trends }: PrintOptions,
    host: InspectHost,
  ): (rows: Iterable<Row>) => Promise<void> {
    const columns = trends === undefined
      ? this.#columns
      : [...this.#columns, ...followedColumns(this.#followed, trends)];
    const keys: SortKeys<Row> = sortKeys(columns, this.#fields);
    const terms = sort === undefined ? [] : parseSort(sort, keys);
    return async (rows) => {
      const most = Math.min(limit, host.tableRows);
      const style = {
        width: host.columns,
        paint: paintFor(host),
        isPage: host.tableRows !== Infinity,
      };
      if (trends !== undefined) {
        const looked = this.#look(rows, trends);
        const picked = pick(looked, { sort: terms, limit: most })
          .filter((row) => this.#document(row) !== null);
        if (json) {
          return await writeJson({ rows: picked.map((row) => this.#rated(row, trends)) }, host);
        }
        this.#keep(picked, trends);
        return await host.write(renderTable(picked, columns, style));
      }
      // In the order given nothing has to be remembered, however many there are.
      const picked = terms.length === 0
        ? first(rows, most)
        : pick(rows, { sort: terms, limit: most });
      if (json) return await writeJsonArray(picked, host);
      let isFirst = true;
      for (const page of inPages(picked, ROWS_A_PAGE)) {
        if (!isFirst) await host.write("\n");
        await host.write(renderTable(page, columns, style));
        isFirst = false;
      }
    };
  }

  *#look(rows: Iterable<Row>, trends: Trends): Generator<Row> {
    const { id, value } = this.#followed;
    for (const row of rows) {
      trends.note(id(row), value(row));
      yield row;
    }
    trends.end();
  }

  #keep(picked: readonly Row[], trends: Trends): void {
    const { id, value, kind } = this.#followed;
    for (const row of picked) {
      const shown = kind === "number" ? value(row) : trends.rate(id(row));
      if (shown !== null) trends.keep(id(row), shown);
    }
  }

  #document(row: Row): object | null {
    const { document } = this.#followed;
    return document === undefined ? row : document(row);
  }

  #rated(row: Row, trends: Trends) {
    const name = this.#followed.kind === "bytes" ? "bytesPerSecond" : "changePerSecond";
    return { ...this.#document(row), [name]: trends.rate(this.#followed.id(row)) };
  }
}

/** `trends`: what the rows were at the looks before; absent: this is the only one. */
type PrintOptions = Pick<InspectOptions, "json" | "sort" | "limit" | "trends">;

function followedColumns<Row extends object>(
  { kind, id }: Followed<Row>,
  trends: Trends,
): Column<Row>[] {
  const rate = (row: Row) => trends.rate(id(row));
  const text = (value: number | null) => {
    if (value === null) return "-";
    if (kind === "bytes") return humanBitRate(value);
    return `${value < 0 ? "-" : "+"}${humanCount(Math.abs(value))}/s`;
  };
  return [
    {
      name: kind === "bytes" ? "rate" : "change",
      value: rate,
      text: (row) => text(rate(row)),
      right: true,
    },
    { name: "trend", value: (row) => sparkline(trends.history(id(row)), TREND_WIDTH) },
  ];
}

/** Rows of one table: more than fit on a screen, and few enough to have the widths of columns from. */
const ROWS_A_PAGE = 10_000;

function* first<Row>(rows: Iterable<Row>, limit: number): Generator<Row> {
  let left = limit;
  for (const row of rows) {
    yield row;
    if (--left === 0) return;
  }
}

/** At least one, which may be empty. */
function* inPages<Row>(rows: Iterable<Row>, size: number): Generator<Row[]> {
  let page: Row[] = [];
  let isFirst = true;
  for (const row of rows) {
    page.push(row);
    if (page.length < size) continue;
    yield page;
    isFirst = false;
    page = [];
  }
  if (isFirst || page.length > 0) yield page;
}

/** Rows of JSON that are joined before they are written. */
const ROWS_A_WRITE = 1000;

/** One array with one element a line, however many: no text ever holds all of them. */
export async function writeJsonArray(
  rows: Iterable<unknown>,
  host: Pick<InspectHost, "write">,
): Promise<void> {
  let isEmpty = true;
  for (const page of inPages(rows, ROWS_A_WRITE)) {
    if (page.length === 0) break;
    const lines = page.map((row) => JSON.stringify(row));
    await host.write((isEmpty ? "[\n" : ",\n") + lines.join(",\n"));
    isEmpty = false;
  }
  await host.write(isEmpty ? "[]\n" : "\n]\n");
}

/** One document. */
export async function writeJson(value: unknown, host: InspectHost): Promise<void> {
  await host.write(`${JSON.stringify(value)}\n`);
}
