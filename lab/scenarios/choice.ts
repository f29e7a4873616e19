import { closest } from "../../lib/config/suggest.ts";
import { LabUsageError } from "../options.ts";
import { alignColumns, paletteFor } from "../terminal.ts";
import { SCENARIOS } from "./all.ts";
import { type Scenario, SCENARIO_GROUPS, type ScenarioGroup } from "./scenario.ts";

const GROUP_TITLES: Readonly<Record<ScenarioGroup, string>> = {
  paths: "the two paths and switching between them",
  faults: "what can happen to a network or a process",
  limits: "many sessions, odd packets, wrong input",
};

/**
 * The scenarios that names of scenarios and groups mean, each once, in the order of the list.
 *
 * @throws {LabUsageError} when a name is neither
 */
export function chooseScenarios(
  names: readonly string[],
  options: { readonly all?: boolean | undefined } = {},
): Scenario[] {
  const known = [...SCENARIOS.map((scenario) => scenario.name), ...SCENARIO_GROUPS];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = closest(unknown, known);
    const hint = near === undefined
      ? "bypath lab run --list shows them"
      : `did you mean "${near}"?`;
    throw new LabUsageError(`Cannot run "${unknown}": no scenario or group has that name, ${hint}`);
  }
  if (names.length === 0 && options.all) return [...SCENARIOS];
  return SCENARIOS.filter(({ name, group }) => names.includes(name) || names.includes(group));
}

/** For people by group; for programs one array. */
export function listScenarios(
  scenarios: readonly Scenario[],
  options: { readonly json: boolean },
): void {
  if (options.json) {
    const rows = scenarios.map(({ name, group, description, needs = [] }) => ({
      name,
      group,
      description,
      needs,
    }));
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  const rows = scenarios.map(({ name, description, needs = [] }) => [
    `  ${name}`,
    needs.length === 0 ? description : `${description} (needs ${needs.join(" and ")})`,
  ]);
  const lines = alignColumns(rows);
  const { bold } = paletteFor(Deno.stdout);
  for (const group of SCENARIO_GROUPS) {
    const members = scenarios.flatMap((scenario, index) => scenario.group === group ? [index] : []);
    if (members.length === 0) continue;
    console.log(`${bold(group)}: ${GROUP_TITLES[group]}`);
    for (const index of members) console.log(lines[index]);
  }
}
