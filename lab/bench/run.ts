import { haveProgram } from "../host_command.ts";
import type { LabCommandOptions } from "../options.ts";
import { requireLabPrivileges } from "../privileges.ts";
import { Report } from "../report.ts";
import { benchPage } from "../report_html/bench_page.ts";
import { ReportFile } from "../report_html/report_file.ts";
import { InterruptedError, withBypathLab } from "../with_lab.ts";
import type { Bench } from "./bench.ts";
import { chooseBenches, listBenches } from "./choice.ts";
import { type BenchDocument, documentOf, readDocuments } from "./document.ts";
import { describeMachine, type Machine, machineLine, versionsLine } from "./machine.ts";
import { markdownOf } from "./markdown.ts";
import { type BenchResult, resultOf } from "./result.ts";
import { showResult } from "./show.ts";
import { takeTurns } from "./turns.ts";

/**
 * `bypath lab bench`: each bench in a lab of its own. It reports and does not judge.
 *
 * @returns 1 when something could not be measured; 128 and the signal's number after one
 * @throws {LabUsageError} when there is no bench or subject of a name
 */
export async function bench(options: LabCommandOptions): Promise<number> {
  const { json = false, markdown = false } = options;
  const chosen = chooseBenches(options.args ?? [], options.subject ?? []);
  if (options.list) {
    listBenches(chosen, { json });
    return 0;
  }
  using file = options.report === undefined ? null : ReportFile.open(options.report);
  const finish = (document: BenchDocument) => {
    file?.write(benchPage(document, new Date().toISOString()));
    return print(document, options);
  };
  const report = new Report({ silent: json || markdown });
  if (options.from !== undefined) {
    const kept = await readDocuments(options.from);
    introduce(report, kept.machine);
    for (const each of kept.benches) {
      report.title(`${each.name}: ${each.description}`);
      showResult(report, each);
    }
    return finish(kept);
  }
  requireLabPrivileges();
  const machine = await describeMachine();
  introduce(report, machine);
  const results: BenchResult[] = [];
  for (const each of chosen) {
    try {
      results.push(await runOne(each, report, options));
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      console.error(`\n${error.message}: everything is removed again`);
      return error.exitCode;
    }
  }
  return finish(documentOf(machine, results));
}

function introduce(report: Report, machine: Machine): void {
  report.title(machineLine(machine));
  report.aside(versionsLine(machine));
  report.say("");
}

/** For programs and documents, all at once; people have read it already. Returns the exit status. */
function print(document: BenchDocument, { json, markdown }: LabCommandOptions): number {
  if (json) console.log(JSON.stringify(document, null, 2));
  else if (markdown) console.log(markdownOf(document.machine, document.benches));
  return document.ok ? 0 : 1;
}

async function runOne(
  bench: Bench,
  report: Report,
  options: LabCommandOptions,
): Promise<BenchResult> {
  report.title(`${bench.name}: ${bench.description}`);
  const rounds = options.rounds ?? (options.quick ? 1 : bench.rounds);
  const seconds = options.seconds ?? (options.quick ? 1 : bench.seconds);
  const lacking = await lackingOf(bench);
  const started = performance.now();
  const turns = lacking.length > 0
    ? { subjects: [], notes: [] }
    : await withBypathLab({ ...options, onInterrupt: () => report.silence() }, (lab) =>
      takeTurns(bench, lab, {
        rounds,
        seconds,
        warmUp: !options.quick,
        progress: (line) =>
          report.live(line),
      }));
  const durationMs = Math.round(performance.now() - started);
  const result = resultOf(bench, { rounds, seconds, lacking, durationMs }, turns);
  showResult(report, result);
  return result;
}

async function lackingOf({ needs = [] }: Bench): Promise<string[]> {
  const have = await Promise.all(needs.map(haveProgram));
  return needs.filter((_, i) => !have[i]);
}
