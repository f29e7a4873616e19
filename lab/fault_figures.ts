/**
 * Writes what `bypath lab run faults --json` measured into the table of docs/faults.md:
 *
 *     bypath lab run faults --json > faults.jsonl
 *     deno run -A lab/fault_figures.ts faults.jsonl docs/faults.md
 *
 * @module
 */
import type { ScenarioResult } from "./run_scenario.ts";
import { formatDuration } from "./terminal.ts";

/** How many columns of the table are figures: the last ones. */
const FIGURES = 4;

/** The text with the figures of those scenarios that have a row; the other rows stay as they are. */
export function withFigures(text: string, results: readonly ScenarioResult[]): string {
  return text.split("\n").map((line) => {
    const name = /^\| `([a-z0-9-]+)`/.exec(line)?.[1];
    const result = results.find((each) => each.name === name);
    if (result === undefined) return line;
    const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
    return `| ${[...cells.slice(0, -FIGURES), ...figuresOf(result)].join(" | ")} |`;
  }).join("\n");
}

function figuresOf({ figures }: ScenarioResult): string[] {
  const duration = (name: string) => {
    const value = figures[name];
    return typeof value === "number" && value >= 0 ? formatDuration(value) : "-";
  };
  const { datagramsLost, datagramsSent } = figures;
  return [
    figures.blockedMs === 0 ? "-" : duration("blockedMs"),
    duration("longestPauseMs"),
    datagramsSent === undefined ? "-" : `${datagramsLost} of ${datagramsSent}`,
    duration("bypassReturnsMs"),
  ];
}

if (import.meta.main) {
  const [measured, document] = Deno.args;
  if (measured === undefined || document === undefined) {
    console.error("Usage: fault_figures.ts RESULTS.jsonl DOCUMENT.md");
    Deno.exit(2);
  }
  const results = (await Deno.readTextFile(measured)).split("\n")
    .filter((line) => line !== "").map((line) => JSON.parse(line) as ScenarioResult);
  const text = await Deno.readTextFile(document);
  await Deno.writeTextFile(document, withFigures(text, results));
}
