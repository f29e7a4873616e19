/**
 * Rows as a table for people or as JSON for programs.
 *
 * @module
 */
import type { InspectHost } from "./host.ts";
import type { InspectOptions } from "./options.ts";
import { paintFor } from "./palette.ts";
import { parseSort, pick, type SortKeys, sortKeys } from "./sort.ts";
import { type Column, renderTable, type Value } from "./table.ts";

/** How rows of one kind are shown. */
export class RowPrinter<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #keys: SortKeys<Row>;

  /** `fields` are sort keys for parts of the JSON that have no column. */
  constructor(
    columns: readonly Column<Row>[],
    fields: Readonly<Record<string, (row: Row) => Value>> = {},
  ) {
    this.#columns = columns;
    this.#keys = sortKeys(columns, fields);
  }

  /**
   * What sorts, limits and prints the rows, to be had before anybody is asked for them: then wrong
   * usage is told even where nothing runs.
   *
   * @throws {AdminError}
   */
  prepare(
    { json, sort, limit = Infinity }: Pick<InspectOptions, "json" | "sort" | "limit">,
    host: InspectHost,
  ): (rows: Iterable<Row>) => Promise<void> {
    const terms = sort === undefined ? [] : parseSort(sort, this.#keys);
    return async (rows) => {
      const picked = pick(rows, { sort: terms, limit });
      if (json) return await writeJsonArray(picked, host);
      const style = { width: host.columns, paint: paintFor(host) };
      await host.write(renderTable(picked, this.#columns, style));
    };
  }
}

/** Rows of JSON that are joined before they are written. */
const ROWS_A_WRITE = 1000;

/** One array with one element a line, however many: no text ever holds all of them. */
export async function writeJsonArray(rows: readonly unknown[], host: InspectHost): Promise<void> {
  if (rows.length === 0) return await host.write("[]\n");
  for (let from = 0; from < rows.length; from += ROWS_A_WRITE) {
    const lines = rows.slice(from, from + ROWS_A_WRITE).map((row) => JSON.stringify(row));
    await host.write((from === 0 ? "[\n" : ",\n") + lines.join(",\n"));
  }
  await host.write("\n]\n");
}

/** One document. */
export async function writeJson(value: unknown, host: InspectHost): Promise<void> {
  await host.write(`${JSON.stringify(value)}\n`);
}
