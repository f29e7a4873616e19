import { type Machine, machineLine, versionsLine } from "./machine.ts";
import type { BenchResult } from "./result.ts";
import { aimLine, tablesOf } from "./tables.ts";

/** What a run found, as a section of a document each. Pure. */
export function markdownOf(machine: Machine, results: readonly BenchResult[]): string {
  const head = [`Machine: ${machineLine(machine)}.`, `Versions: ${versionsLine(machine)}.`];
  return [head.join("\n"), ...results.map(section)].join("\n\n");
}

function section(result: BenchResult): string {
  const { name, description, rounds, seconds, subjects, notes, lacking, aims } = result;
  const parts = [`### ${name}\n\n${sentence(description)}`];
  if (lacking.length > 0) return `${parts[0]} Left out: ${lacking.join(" and ")} not installed.`;
  parts.push(`${rounds} ${rounds === 1 ? "turn" : "turns"} each, ${seconds} s a load.`);
  for (const subject of subjects) {
    const { leftOut, failure } = subject;
    if (leftOut !== undefined) parts.push(`${subject.name} is left out: ${leftOut}.`);
    if (failure !== undefined) parts.push(`${subject.name} could not be measured: ${failure}.`);
  }
  for (const { title, rows } of tablesOf(result)) {
    parts.push(`${sentence(title)}\n\n${pipes(rows)}`);
  }
  if (aims.length > 0) {
    const rows = aims.map((aim) => aimLine(aim, result.quantities));
    parts.push(pipes([["aim", "measured", ""], ...rows]));
  }
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  return parts.join("\n\n");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** As the formatter of this project writes tables, so that a kept run needs no other hand. */
function pipes(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...rest] = rows;
  const widths = heading.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(heading), rule, ...rest.map(line)].join("\n");
}
