/**
 * Tables for people: aligned columns and nothing around them, as `ss` and `ip -br` print. Lines can
 * be cut with `cut`, `awk` and `grep`; ten thousand of them take a few milliseconds.
 *
 * @module
 */
import { type Paint, printable, type Style } from "./palette.ts";

/** What a cell holds and what `--sort` compares. */
export type Value = string | number | boolean | null;

/** One column of a table; its name is its heading and a key of `--sort`. */
export interface Column<Row> {
  readonly name: string;
  value(row: Row): Value;
  /** How the value is shown; absent: as it is, null as `-`. */
  text?(row: Row): string;
  /** What `--sort` compares in place of the value. */
  order?(row: Row): Value;
  /** Numbers go to the right. */
  readonly right?: boolean;
  style?(row: Row): Style | undefined;
  /** On a narrow terminal the column with the highest number goes first; without one it stays. */
  readonly expendable?: number;
  /** On a narrow terminal the text may be cut to so many characters, before any column goes. */
  readonly leastWidth?: number;
}

export interface TableOptions {
  /** Infinity: as wide as it takes. */
  readonly width: number;
  readonly paint: Paint;
  /** Whether nothing is said of columns that have no room: every line is a row. */
  readonly isPage?: boolean;
}

const GAP = "  ";

/** The lines of a table with its heading; ends with a newline. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: TableOptions,
): string {
  const { paint } = options;
  const all = columns.map((column) => layOut(rows, column));
  const shown = fit(all, options);
  const lines = [shown.map((cells) => paint("bold", pad(cells, heading(cells.column)))).join(GAP)];
  rows.forEach((row, index) => {
    lines.push(
      shown.map((cells) => paint(cells.column.style?.(row), pad(cells, cells.texts[index]!)))
        .join(GAP),
    );
  });
  const missing = all.filter((cells) => !shown.includes(cells));
  if (missing.length > 0 && options.isPage !== true) {
    const names = missing.map(({ column }) => column.name).join(", ");
    lines.push(paint("dim", `Not shown on a terminal this narrow: ${names}`));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** A column with the texts of its cells. */
interface Cells<Row> {
  readonly column: Column<Row>;
  readonly texts: readonly string[];
  width: number;
}

function layOut<Row>(rows: readonly Row[], column: Column<Row>): Cells<Row> {
  const texts = rows.map((row) => cellText(row, column));
  return { column, texts, width: naturalWidth({ column, texts }) };
}

function naturalWidth<Row>({ column, texts }: Pick<Cells<Row>, "column" | "texts">): number {
  return texts.reduce((widest, text) => Math.max(widest, text.length), column.name.length);
}

function cellText<Row>(row: Row, column: Column<Row>): string {
  if (column.text !== undefined) return printable(column.text(row));
  const value = column.value(row);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === null ? "-" : printable(String(value));
}

/**
 * Cuts long texts, then leaves columns out, until the rest fits or only what must stay is left; of a page,
 * whose lines must not be longer, also that.
 */
function fit<Row>(
  all: readonly Cells<Row>[],
  { width, isPage = false }: TableOptions,
): Cells<Row>[] {
  let shown = [...all];
  for (const cells of shown) {
    const excess = totalWidth(shown) - width;
    const least = Math.max(cells.column.leastWidth ?? Infinity, cells.column.name.length);
    if (excess > 0) cells.width = Math.min(cells.width, Math.max(least, cells.width - excess));
  }
  while (totalWidth(shown) > width) {
    const [first] = shown.filter(({ column }) => column.expendable !== undefined)
      .sort((a, b) => b.column.expendable! - a.column.expendable!);
    if (first === undefined) break;
    shown = shown.filter((cells) => cells !== first);
  }
  if (isPage) shown = squeezed(shown, width);
  // A column that went may have left more room than it had to.
  for (const cells of shown) {
    const room = width - totalWidth(shown);
    if (room > 0) cells.width = Math.min(naturalWidth(cells), cells.width + room);
  }
  return shown;
}

/** Cuts texts, the longest first, down to the width of their headings, then leaves out columns from the right. */
function squeezed<Row>(all: readonly Cells<Row>[], width: number): Cells<Row>[] {
  const shown = [...all];
  for (const cells of all.toSorted((a, b) => b.width - a.width)) {
    const excess = totalWidth(shown) - width;
    const isText = cells.column.right !== true;
    if (excess > 0 && isText) {
      cells.width = Math.max(cells.column.name.length, cells.width - excess);
    }
  }
  while (shown.length > 1 && totalWidth(shown) > width) shown.pop();
  const [first] = shown;
  if (first !== undefined && totalWidth(shown) > width) first.width = Math.max(1, width);
  return shown;
}

function totalWidth<Row>(shown: readonly Cells<Row>[]): number {
  return shown.reduce((sum, cells) => sum + cells.width, GAP.length * (shown.length - 1));
}

function heading<Row>(column: Column<Row>): string {
  return column.name.toUpperCase();
}

function pad<Row>({ column, width }: Cells<Row>, text: string): string {
  if (text.length > width) return `${text.slice(0, width - 1)}…`;
  return column.right === true ? text.padStart(width) : text.padEnd(width);
}
