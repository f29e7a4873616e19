import type { Report } from "../report.ts";
import { formatDuration } from "../terminal.ts";
import { formatFigure } from "./figures.ts";
import type { BenchResult, Measured } from "./result.ts";
import { aimLine, tablesOf } from "./tables.ts";

const BAR_CHARACTERS = 40;

/** Tells people what a bench found. */
export function showResult(report: Report, result: BenchResult): void {
  const { lacking, subjects, rounds, seconds, notes, aims } = result;
  if (lacking.length > 0) {
    report.say(`left out: ${lacking.join(" and ")} not installed`, "");
    return;
  }
  report.aside(
    `${rounds} ${rounds === 1 ? "turn" : "turns"} each, ${seconds} s a load; ` +
      `took ${formatDuration(result.durationMs)}`,
  );
  for (const { name, leftOut, failure } of subjects) {
    if (leftOut !== undefined) report.say(`${name} is left out: ${leftOut}`);
    if (failure !== undefined) report.say(`${name} could not be measured: ${failure}`);
  }
  for (const { title, rows: [heading = [], ...rows] } of tablesOf(result)) {
    report.say("", title);
    report.table(heading, rows);
  }
  for (const measured of result.measured) showHistogram(report, measured, result);
  if (aims.length > 0) {
    report.say("", "aims");
    report.facts(aims.map((aim) => aimLine(aim, result.quantities)));
  }
  if (notes.length > 0) report.say("");
  for (const note of notes) report.aside(note);
  report.say("");
}

function showHistogram(report: Report, measured: Measured, { quantities }: BenchResult): void {
  const { histogram, subject, samples } = measured;
  if (histogram === undefined) return;
  const { bounds, counts } = histogram;
  const unit = quantities.find(({ name }) => name === measured.quantity)!.unit;
  report.say("", subject);
  report.facts(counts.map((count, i): [string, string, string] => {
    const range = i < bounds.length
      ? `below ${formatFigure(bounds[i]!, unit)}`
      : `${formatFigure(bounds.at(-1)!, unit)} and more`;
    return [range, `${count}`, "█".repeat(Math.round(count / samples * BAR_CHARACTERS))];
  }));
}
