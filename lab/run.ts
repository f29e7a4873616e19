import { haveProgram } from "./host_command.ts";
import type { LabCommandOptions } from "./options.ts";
import { requireLabPrivileges } from "./privileges.ts";
import { Report } from "./report.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { alignColumns, formatDuration, paletteFor } from "./terminal.ts";
import { InterruptedError, withBypathLab } from "./with_lab.ts";

/** `bypath lab run SCENARIO…|--list`: each in a lab of its own; 1 when a check does not hold. */
export async function run(options: LabCommandOptions): Promise<number> {
  if (options.list) return list(options);
  const names = options.args ?? [];
  const chosen = names.map((name) => SCENARIOS.find((scenario) => scenario.name === name));
  const unknown = names[chosen.indexOf(undefined)];
  if (unknown !== undefined) {
    const known = SCENARIOS.map((scenario) => scenario.name).join(", ");
    console.error(
      `Cannot run scenario "${unknown}": there is none of that name, there are ${known}`,
    );
    return 2;
  }
  requireLabPrivileges();
  let failures = 0;
  for (const scenario of chosen as Scenario[]) {
    try {
      if (!await runOne(scenario, options)) failures++;
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      console.error(`\n${error.message}: everything is removed again`);
      return error.exitCode;
    }
  }
  return failures === 0 ? 0 : 1;
}

function list(options: LabCommandOptions): number {
  if (options.json) {
    const rows = SCENARIOS.map(({ name, description, needs = [] }) => ({
      name,
      description,
      needs,
    }));
    console.log(JSON.stringify(rows, null, 2));
    return 0;
  }
  const rows = SCENARIOS.map(({ name, description, needs = [] }) => [
    name,
    needs.length === 0 ? description : `${description} (needs ${needs.join(" and ")})`,
  ]);
  for (const line of alignColumns(rows)) console.log(line);
  return 0;
}

async function runOne(scenario: Scenario, options: LabCommandOptions): Promise<boolean> {
  const report = new Report({ silent: options.json ?? false });
  const started = performance.now();
  report.title(`${scenario.name}: ${scenario.description}`);
  const lacking: string[] = [];
  for (const program of scenario.needs ?? []) {
    if (!await haveProgram(program)) lacking.push(program);
  }
  if (lacking.length > 0) {
    report.check(`${lacking.join(" and ")} can be found on this host`, false, "not installed");
  } else {
    let made: { remains(): Promise<string[]> } | undefined;
    try {
      await withBypathLab({ ...options, onInterrupt: () => report.silence() }, async (lab) => {
        made = lab.lab;
        await scenario.run(lab, report, { brief: options.brief ?? false });
      });
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      report.check("the scenario could be carried out", false, (error as Error).message);
    }
    const remains = await made?.remains() ?? [];
    report.check("nothing is left behind", remains.length === 0, remains.join(", "));
  }
  const durationMs = Math.round(performance.now() - started);
  if (options.json) {
    const { checks, figures } = report;
    const { name } = scenario;
    console.log(JSON.stringify({ name, ok: !report.failed, durationMs, checks, figures }));
  } else {
    const palette = paletteFor(Deno.stdout);
    const verdict = report.failed ? palette.red("does not hold") : palette.green("holds");
    console.log(`  ${scenario.name} ${verdict} (${formatDuration(durationMs)})\n`);
  }
  return !report.failed;
}
