import { haveProgram } from "./host_command.ts";
import { LabError } from "./namespace.ts";
import type { LabCommandOptions } from "./options.ts";
import { type Check, Report } from "./report.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { formatDuration, paletteFor } from "./terminal.ts";
import { InterruptedError, withBypathLab } from "./with_lab.ts";

/** What came of a scenario; with `--json` this is printed, one a line. */
export interface ScenarioResult {
  readonly name: string;
  readonly ok: boolean;
  readonly durationMs: number;
  readonly checks: readonly Check[];
  readonly figures: Readonly<Record<string, number | string>>;
}

/**
 * Tells a scenario in a lab of its own, which is removed whatever happens.
 *
 * @throws {InterruptedError} after a signal, when everything is removed
 * @throws {LabError} when no lab can be made
 */
export async function runScenario(
  scenario: Scenario,
  options: LabCommandOptions,
): Promise<ScenarioResult> {
  const report = new Report({ silent: options.json ?? false });
  const started = performance.now();
  report.title(`${scenario.name}: ${scenario.description}`);
  const lacking = await missingPrograms(scenario);
  if (lacking.length > 0) {
    report.check(`${lacking.join(" and ")} can be found on this host`, false, "not installed");
  } else {
    await carryOut(scenario, report, options);
  }
  const result = {
    name: scenario.name,
    ok: !report.failed,
    durationMs: Math.round(performance.now() - started),
    checks: report.checks,
    figures: report.figures,
  };
  if (options.json) console.log(JSON.stringify(result));
  else tellVerdict(result);
  return result;
}

async function missingPrograms({ needs = [] }: Scenario): Promise<string[]> {
  const lacking: string[] = [];
  for (const program of needs) {
    if (!await haveProgram(program)) lacking.push(program);
  }
  return lacking;
}

async function carryOut(
  scenario: Scenario,
  report: Report,
  options: LabCommandOptions,
): Promise<void> {
  let made: { remains(): Promise<string[]> } | undefined;
  try {
    await withBypathLab({ ...options, onInterrupt: () => report.silence() }, async (lab) => {
      made = lab.lab;
      await scenario.run(lab, report, { brief: options.brief ?? false });
    });
  } catch (error) {
    // Without a lab no scenario has begun: that is no failure of what it judges.
    const noLab = error instanceof LabError && made === undefined;
    if (error instanceof InterruptedError || noLab) throw error;
    report.check("the scenario could be carried out", false, (error as Error).message);
  }
  const remains = await made?.remains() ?? [];
  report.check("nothing is left behind", remains.length === 0, remains.join(", "));
}

function tellVerdict({ name, ok, durationMs }: ScenarioResult): void {
  const { green, red } = paletteFor(Deno.stdout);
  const verdict = ok ? green("holds") : red("does not hold");
  console.log(`  ${name} ${verdict} (${formatDuration(durationMs)})\n`);
}
