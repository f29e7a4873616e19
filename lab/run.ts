import type { LabCommandOptions } from "./options.ts";
import { requireLabPrivileges } from "./privileges.ts";
import { runScenario, type ScenarioResult } from "./run_scenario.ts";
import { chooseScenarios, listScenarios } from "./scenarios/choice.ts";
import { alignColumns, formatCount, formatDuration, paletteFor } from "./terminal.ts";
import { InterruptedError } from "./with_lab.ts";

/**
 * `bypath lab run SCENARIO…|GROUP…|--all|--list`: each in a lab of its own.
 *
 * @returns 0 when all hold; 1 when a check does not; 128 and the signal's number after one
 * @throws {LabUsageError} when there is no scenario or group of that name
 */
export async function run(options: LabCommandOptions): Promise<number> {
  const chosen = chooseScenarios(options.args ?? [], { all: options.all || options.list });
  if (options.list) {
    listScenarios(chosen, { json: options.json ?? false });
    return 0;
  }
  requireLabPrivileges();
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    try {
      results.push(await runScenario(scenario, options));
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      console.error(`\n${error.message}: everything is removed again`);
      return error.exitCode;
    }
  }
  if (results.length > 1 && !options.json) summarize(results);
  return results.every((result) => result.ok) ? 0 : 1;
}

function summarize(results: readonly ScenarioResult[]): void {
  const { green, red, bold } = paletteFor(Deno.stdout);
  const rows = results.map(({ name, checks, ok, durationMs }) => {
    const broken = checks.filter((check) => !check.holds).length;
    return [
      name,
      ok ? "holds" : `${broken} of ${checks.length} do not`,
      formatDuration(durationMs),
    ];
  });
  const held = results.filter((result) => result.ok).length;
  console.log(bold(`${formatCount(held)} of ${formatCount(results.length)} scenarios hold`));
  alignColumns(rows).forEach((line, index) => {
    console.log(`  ${results[index]?.ok ? green("✓") : red("✗")} ${line}`);
  });
}
