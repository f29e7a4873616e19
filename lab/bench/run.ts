import { haveProgram } from "../host_command.ts";
import type { LabCommandOptions } from "../options.ts";
import { requireLabPrivileges } from "../privileges.ts";
import { Report } from "../report.ts";
import { InterruptedError, withBypathLab } from "../with_lab.ts";
import { BENCHES } from "./all.ts";
import type { Bench } from "./bench.ts";
import { Distribution } from "./distribution.ts";

/** The quantiles that are shown; the smallest and the largest measurement stand beside them. */
const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 } as const;
const BAR_CHARACTERS = 40;

/** What was measured for one subject. */
interface Measured {
  readonly name: string;
  readonly all: Distribution;
  /** Of each turn: how far they lie apart tells what a difference between subjects is worth. */
  readonly medians: Distribution;
}

/** `bypath lab bench`: each bench in a lab of its own; 1 when what is promised does not hold. */
export async function bench(options: LabCommandOptions): Promise<number> {
  const { only = BENCHES.map(({ name }) => name) } = options;
  const unknown = only.find((name) => !BENCHES.some((each) => each.name === name));
  if (unknown !== undefined) {
    const known = BENCHES.map(({ name }) => name).join(", ");
    console.error(`Cannot measure "${unknown}": there is no bench of that name, there is ${known}`);
    return 2;
  }
  requireLabPrivileges();
  const report = new Report({ silent: options.json ?? false });
  const results: unknown[] = [];
  for (const each of BENCHES.filter(({ name }) => only.includes(name))) {
    try {
      results.push(await runOne(each, report, options));
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      console.error(`\n${error.message}: everything is removed again`);
      return error.exitCode;
    }
  }
  if (options.json) {
    console.log(JSON.stringify({ ok: !report.failed, benches: results }, null, 2));
  }
  return report.failed ? 1 : 0;
}

async function runOne(bench: Bench, report: Report, options: LabCommandOptions): Promise<unknown> {
  report.title(`${bench.name}: ${bench.description}`);
  const { name, unit, rounds, needs = [] } = bench;
  const have = await Promise.all(needs.map(haveProgram));
  const lacking = needs.filter((_, i) => !have[i]);
  if (lacking.length > 0) {
    report.check(`${lacking.join(" and ")} can be found on this host`, false, "not installed");
    return { name, lacking };
  }
  const measured = await withBypathLab(
    { ...options, onInterrupt: () => report.silence() },
    async (lab) => {
      await bench.prepare(lab);
      const turns = bench.subjects.map((): (readonly number[])[] => []);
      for (let round = 0; round <= rounds; round++) {
        for (const [i, subject] of bench.subjects.entries()) {
          report.live(`round ${round} of ${rounds}: ${subject.name}`);
          const samples = await subject.measure(lab);
          if (round > 0) turns[i]!.push(samples);
        }
      }
      return bench.subjects.map((subject, i) => summarize(subject.name, turns[i]!));
    },
  );
  show(bench, measured, report);
  return { name, unit, rounds, subjects: measured.map((each) => asJson(bench, each)) };
}

function summarize(name: string, turns: readonly (readonly number[])[]): Measured {
  const medians = turns.map((samples) => new Distribution(samples).quantile(QUANTILES.p50));
  return { name, all: new Distribution(turns.flat()), medians: new Distribution(medians) };
}

function show(bench: Bench, measured: readonly Measured[], report: Report): void {
  const { unit, rounds, bounds, medianBelow } = bench;
  const heading = ["", "samples", "min", ...Object.keys(QUANTILES), "max", "medians of the turns"];
  report.say(`${rounds} turns each, after one to warm up; ${unit}`);
  report.table(
    heading,
    measured.map(({ name, all, medians }) => [
      name,
      `${all.count}`,
      figure(all.least),
      ...Object.values(QUANTILES).map((share) => figure(all.quantile(share))),
      figure(all.largest),
      `${figure(medians.least)} to ${figure(medians.largest)}`,
    ]),
  );
  for (const { name, all } of measured) {
    if (bounds !== undefined) {
      report.say("", name);
      report.facts(histogram(all, bounds, unit));
    }
    if (medianBelow === undefined) continue;
    report.check(
      `${name}: the median is below ${medianBelow} ${unit}`,
      all.quantile(QUANTILES.p50) < medianBelow,
      `${figure(all.quantile(QUANTILES.p50))} ${unit}`,
    );
  }
  report.say("");
}

function histogram(
  all: Distribution,
  bounds: readonly number[],
  unit: string,
): [string, string, string][] {
  const counts = all.histogram(bounds);
  return counts.map((count, i) => {
    const range = i < bounds.length
      ? `below ${bounds[i]} ${unit}`
      : `${bounds.at(-1)} ${unit} and more`;
    return [range, `${count}`, "█".repeat(Math.round(count / all.count * BAR_CHARACTERS))];
  });
}

function asJson({ bounds, medianBelow }: Bench, { name, all, medians }: Measured): unknown {
  const quantiles = Object.entries(QUANTILES).map(([key, share]) => [key, all.quantile(share)]);
  return {
    name,
    samples: all.count,
    min: all.least,
    ...Object.fromEntries(quantiles),
    max: all.largest,
    medianOfTurns: { min: medians.least, max: medians.largest },
    ...(bounds && { histogram: { bounds, counts: all.histogram(bounds) } }),
    ...(medianBelow !== undefined && { medianBelow }),
  };
}

function figure(value: number): string {
  if (value === Infinity) return "never";
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
