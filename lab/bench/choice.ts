import { closest } from "../../lib/config/suggest.ts";
import { LabUsageError } from "../options.ts";
import { alignColumns, paletteFor } from "../terminal.ts";
import { BENCHES } from "./all.ts";
import type { Bench, BenchSubject } from "./bench.ts";
import { ALL_ROADS } from "./roads/all.ts";

/**
 * The benches of these names, all without any, with only the subjects of these names where there
 * are some.
 *
 * @throws {LabUsageError} when there is none of a name
 */
export function chooseBenches(names: readonly string[], subjects: readonly string[]): Bench[] {
  const known = BENCHES.map(({ name }) => name);
  mustKnow(names, known, "measure", "no bench has that name");
  const chosen = BENCHES.filter(({ name }) => names.length === 0 || names.includes(name));
  const all = [...new Set(chosen.flatMap((each) => each.subjects.map(({ name }) => name)))];
  mustKnow(subjects, all, "compare", "none of these benches has a subject of that name");
  const wanted = ({ name }: BenchSubject) => subjects.length === 0 || subjects.includes(name);
  return chosen.map((bench) => only(bench, bench.subjects.filter(wanted)))
    .filter((bench) => bench.subjects.length > 0);
}

/** A bench with some of its subjects, and the aims that concern them. */
function only(bench: Bench, subjects: readonly BenchSubject[]): Bench {
  const has = (name: string) => subjects.some((subject) => subject.name === name);
  const aims = (bench.aims ?? []).filter(({ subject, of }) =>
    has(subject) && (of === undefined || has(of))
  );
  return { ...bench, subjects, aims };
}

function mustKnow(
  names: readonly string[],
  known: readonly string[],
  verb: string,
  why: string,
): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = closest(unknown, known);
  const hint = near === undefined
    ? "bypath lab bench --list shows them"
    : `did you mean "${near}"?`;
  throw new LabUsageError(`Cannot ${verb} "${unknown}": ${why}, ${hint}`);
}

/** For people two lists; for programs one document. */
export function listBenches(benches: readonly Bench[], options: { readonly json: boolean }): void {
  if (options.json) {
    const list = benches.map(({ name, description, needs = [], subjects }) => ({
      name,
      description,
      needs,
      subjects: subjects.map((subject) => subject.name),
    }));
    const roads = ALL_ROADS.map(({ name, description }) => ({ name, description }));
    console.log(JSON.stringify({ benches: list, roads }, null, 2));
    return;
  }
  const { bold } = paletteFor(Deno.stdout);
  console.log(bold("benches"));
  const rows = benches.map(({ name, description, needs = [] }) => [
    `  ${name}`,
    needs.length === 0 ? description : `${description} (needs ${needs.join(" and ")})`,
  ]);
  for (const line of alignColumns(rows)) console.log(line);
  console.log(bold("roads that they compare"));
  const roads = ALL_ROADS.map(({ name, description }) => [`  ${name}`, description]);
  for (const line of alignColumns(roads)) console.log(line);
}
