/**
 * `--sort` and `--limit`.
 *
 * `--sort bytes` sorts upwards, `--sort -bytes` downwards, `--sort service,-bytes` by several keys,
 * as `ps` takes them. Keys are the columns of the table and the fields of its JSON.
 *
 * @module
 */
import { AdminError } from "../control/admin_protocol.ts";
import { parseEndpoint } from "../wire/address.ts";
import type { Column, Value } from "./table.ts";

/** By the name of a key: what is compared. */
export type SortKeys<Row> = ReadonlyMap<string, (row: Row) => Value>;

/** The columns of a table, and fields of its rows' JSON that have no column. */
export function sortKeys<Row>(
  columns: readonly Column<Row>[],
  fields: Readonly<Record<string, (row: Row) => Value>>,
): SortKeys<Row> {
  return new Map([
    ...columns.map((column) => {
      const compared = (row: Row) => column.order ? column.order(row) : column.value(row);
      return [column.name, compared] as const;
    }),
    ...Object.entries(fields),
  ]);
}

/** One key of `--sort`. */
export interface SortTerm<Row> {
  value(row: Row): Value;
  readonly descending: boolean;
}

/** Reads `service,-bytes`. @throws {AdminError} naming the keys that there are */
export function parseSort<Row>(text: string, keys: SortKeys<Row>): SortTerm<Row>[] {
  return text.split(",").map((term) => {
    const [, sign, name] = /^\s*([-+]?)(.*?)\s*$/.exec(term)!;
    const value = keys.get(name!);
    if (value === undefined) {
      throw new AdminError(
        `Cannot sort by "${name}": there is ${[...keys.keys()].join(", ")}; ` +
          `-KEY sorts downwards`,
        2,
      );
    }
    return { value, descending: sign === "-" };
  });
}

export interface PickOptions<Row> {
  /** None: in the order given. */
  readonly sort: readonly SortTerm<Row>[];
  /** Infinity: all. */
  readonly limit: number;
}

/**
 * The first `limit` rows in order. Holds about twice that number at a time, so that the ten largest
 * of a million sessions take no memory to speak of.
 */
export function pick<Row>(rows: Iterable<Row>, options: PickOptions<Row>): Row[] {
  const { sort, limit } = options;
  let kept: Ranked<Row>[] = [];
  /** The last of those that are in; what comes after it is out. */
  let last: Ranked<Row> | undefined;
  const enough = Math.max(2 * limit, 1000);
  for (const row of rows) {
    const ranked = { row, values: sort.map((term) => term.value(row)) };
    if (last !== undefined && compareRows(ranked, last, sort) >= 0) continue;
    kept.push(ranked);
    if (sort.length === 0 && kept.length === limit) break;
    if (kept.length < enough) continue;
    kept = best(kept, options);
    if (kept.length === limit) last = kept.at(-1);
  }
  return best(kept, options).map(({ row }) => row);
}

interface Ranked<Row> {
  readonly row: Row;
  readonly values: readonly Value[];
}

function best<Row>(rows: Ranked<Row>[], { sort, limit }: PickOptions<Row>): Ranked<Row>[] {
  if (sort.length > 0) rows.sort((a, b) => compareRows(a, b, sort));
  return rows.length > limit ? rows.slice(0, limit) : rows;
}

function compareRows<Row>(
  a: Ranked<Row>,
  b: Ranked<Row>,
  sort: readonly SortTerm<Row>[],
): number {
  for (let i = 0; i < sort.length; i++) {
    const order = compare(a.values[i]!, b.values[i]!, sort[i]!.descending);
    if (order !== 0) return order;
  }
  return 0;
}

/** What is not there comes last in either direction. */
function compare(a: Value, b: Value, descending: boolean): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return (a < b) === descending ? 1 : -1;
}

/** A key that puts endpoints in the order of the numbers that they are: 10.0.0.9 before 10.0.0.11. */
export function endpointOrder(text: string): string {
  if (!text.startsWith("[")) return text.replace(/\d+/g, (digits) => digits.padStart(5, "0"));
  const { address, port } = parseEndpoint(text);
  const words = [...address.words].map((word) => (word >>> 0).toString(16).padStart(8, "0"));
  // After every IPv4 address.
  return `~${words.join("")}${String(port).padStart(5, "0")}`;
}
