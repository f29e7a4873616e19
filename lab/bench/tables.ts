import type { Quantity, Unit } from "./bench.ts";
import { formatFigure, formatRatio } from "./figures.ts";
import { type AimResult, type BenchResult, type Measured, REFERENCES } from "./result.ts";

/** Rows of cells; the first row is the heading. */
export interface Table {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** Of one quantity of a bench. */
export interface QuantityTable extends Table {
  /** What the rows below the heading are made of, and their unit. */
  readonly measured: readonly Measured[];
  readonly unit: Unit;
}

/** One table a quantity: a row a subject, with its median, spread and ratios. Pure. */
export function tablesOf(result: BenchResult): QuantityTable[] {
  return result.quantities.flatMap((quantity) => {
    const rows = result.measured.filter((each) => each.quantity === quantity.name);
    return rows.length === 0 ? [] : [tableOf(quantity, rows, result)];
  });
}

function tableOf(
  quantity: Quantity,
  measured: readonly Measured[],
  result: BenchResult,
): QuantityTable {
  const ratios = result.ratios.filter((each) => each.quantity === quantity.name);
  const references = REFERENCES.filter((of) => ratios.some((ratio) => ratio.of === of));
  const many = measured.some(({ samples, turns }) => samples > turns.length);
  const heading = ["", "median", "least", "most", ...many ? ["p90", "p99"] : []];
  const figure = (value: number) => formatFigure(value, quantity.unit);
  const rows = measured.map(({ subject, min, p50, p90, p99, max }) => [
    subject,
    ...[p50, min, max, ...many ? [p90, p99] : []].map(figure),
    ...references.map((of) => {
      if (of === subject) return formatRatio(1);
      const found = ratios.find((ratio) => ratio.of === of && ratio.subject === subject);
      return found === undefined ? "" : formatRatio(found.ratio);
    }),
  ]);
  const title = `${quantity.name} (${quantity.better} is better)`;
  return {
    title,
    rows: [[...heading, ...references.map((of) => `of ${of}`)], ...rows],
    measured,
    unit: quantity.unit,
  };
}

/** `bypath-nat: to the client, 1 connection, at least 0.95 of nft` and what was found. */
export function aimLine(aim: AimResult, quantities: readonly Quantity[]): [string, string, string] {
  const { quantity, subject, of, ofQuantity, atLeast, atMost, measured, met } = aim;
  const unit = quantities.find(({ name }) => name === quantity)?.unit ?? "ratio";
  const figure = (value: number) =>
    of === undefined ? formatFigure(value, unit) : formatRatio(value);
  const bound = atLeast === undefined
    ? `at most ${figure(atMost ?? Infinity)}`
    : `at least ${figure(atLeast)}`;
  const base = of === undefined ? "" : ` of ${of}${ofQuantity ? `'s ${ofQuantity}` : ""}`;
  const found = measured === null ? "not comparable" : figure(measured);
  const verdict = met === null ? "" : met ? "met" : "not met";
  return [`${subject}: ${quantity}, ${bound}${base}`, found, verdict];
}
