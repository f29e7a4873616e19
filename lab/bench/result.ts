import type { Aim, Bench, Quantity } from "./bench.ts";
import { Distribution } from "./distribution.ts";
import type { TurnsResult } from "./turns.ts";

/** The quantiles that are told; the smallest and the largest sample stand beside them. */
const QUANTILES = { p90: 0.9, p99: 0.99 } as const;
/** Whom the others are compared with, where they are subjects. */
export const REFERENCES: readonly string[] = ["direct", "nft", "haproxy"];

/** What a bench found, as `--json` prints it. Everything else is made of it. */
export interface BenchResult {
  readonly name: string;
  readonly description: string;
  /** Programs that this host lacks: nothing was measured. */
  readonly lacking: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly quantities: readonly Quantity[];
  readonly subjects: readonly SubjectResult[];
  readonly measured: readonly Measured[];
  readonly ratios: readonly Ratio[];
  readonly aims: readonly AimResult[];
  readonly notes: readonly string[];
  readonly durationMs: number;
}

export interface SubjectResult {
  readonly name: string;
  readonly leftOut?: string;
  readonly failure?: string;
}

/** One quantity of one subject. */
export interface Measured {
  readonly quantity: string;
  readonly subject: string;
  /** Of each turn, every sample. */
  readonly turns: readonly (readonly number[])[];
  readonly samples: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** How far the medians of the turns lie apart tells what a difference between subjects is worth. */
  readonly medianOfTurns: { readonly min: number; readonly max: number };
  readonly histogram?: { readonly bounds: readonly number[]; readonly counts: readonly number[] };
}

/** Of two medians. */
export interface Ratio {
  readonly quantity: string;
  readonly subject: string;
  readonly of: string;
  readonly ratio: number;
}

export interface AimResult extends Aim {
  /** Null: one of the two could not be measured. */
  readonly measured: number | null;
  readonly met: boolean | null;
}

export interface BenchRun {
  readonly rounds: number;
  readonly seconds: number;
  readonly lacking: readonly string[];
  readonly durationMs: number;
}

/** Medians, spreads, ratios and aims of what the turns found. Pure. */
export function resultOf(
  bench: Bench,
  run: BenchRun,
  { subjects, notes }: TurnsResult,
): BenchResult {
  const measured: Measured[] = [];
  for (const quantity of bench.quantities) {
    const { beyond } = quantity;
    const base = beyond &&
      measured.find((each) => each.quantity === beyond.quantity && each.subject === beyond.subject);
    if (beyond !== undefined && base === undefined) continue;
    for (const { subject, turns } of subjects) {
      if (subject === beyond?.subject) continue;
      const samples = turns.map((turn) => turn[beyond?.quantity ?? quantity.name] ?? [])
        .filter((turn) => turn.length > 0)
        .map((turn) => base === undefined ? turn : turn.map((sample) => sample - base.p50));
      if (samples.length > 0) measured.push(measuredOf(quantity, subject, samples));
    }
  }
  return {
    name: bench.name,
    description: bench.description,
    lacking: run.lacking,
    rounds: run.rounds,
    seconds: run.seconds,
    quantities: bench.quantities,
    subjects: subjects.map(({ subject, leftOut, failure }) => ({
      name: subject,
      ...(leftOut !== undefined && { leftOut }),
      ...(failure !== undefined && { failure }),
    })),
    measured,
    ratios: ratiosOf(bench.quantities, measured),
    aims: (bench.aims ?? []).map((aim) => aimResult(aim, measured)),
    notes: [...bench.notes ?? [], ...notes],
    durationMs: run.durationMs,
  };
}

/** Whether everything that this host can measure was measured. */
export function wasMeasured({ lacking, subjects }: BenchResult): boolean {
  return lacking.length > 0 || subjects.every(({ failure }) => failure === undefined);
}

function measuredOf(
  quantity: Quantity,
  subject: string,
  turns: readonly (readonly number[])[],
): Measured {
  const all = new Distribution(turns.flat());
  const medians = new Distribution(turns.map((turn) => new Distribution(turn).median));
  const { bounds } = quantity;
  return {
    quantity: quantity.name,
    subject,
    turns,
    samples: all.count,
    min: all.least,
    p50: all.median,
    p90: all.quantile(QUANTILES.p90),
    p99: all.quantile(QUANTILES.p99),
    max: all.largest,
    medianOfTurns: { min: medians.least, max: medians.largest },
    ...(bounds && { histogram: { bounds, counts: all.histogram(bounds) } }),
  };
}

/** A share is a ratio already. */
function ratiosOf(quantities: readonly Quantity[], measured: readonly Measured[]): Ratio[] {
  const isShare = (name: string) =>
    quantities.find((quantity) => quantity.name === name)?.unit === "share";
  return measured.filter(({ quantity }) => !isShare(quantity)).flatMap((
    { quantity, subject, p50 },
  ) =>
    REFERENCES.filter((reference) => reference !== subject).flatMap((of) => {
      const base = measured.find((each) => each.quantity === quantity && each.subject === of);
      return base === undefined || base.p50 <= 0
        ? []
        : [{ quantity, subject, of, ratio: p50 / base.p50 }];
    })
  );
}

function aimResult(aim: Aim, measured: readonly Measured[]): AimResult {
  const find = (quantity: string, subject: string) =>
    measured.find((each) => each.quantity === quantity && each.subject === subject)?.p50;
  const value = find(aim.quantity, aim.subject);
  const base = aim.of === undefined ? 1 : find(aim.ofQuantity ?? aim.quantity, aim.of);
  if (value === undefined || base === undefined || base <= 0) {
    return { ...aim, measured: null, met: null };
  }
  const ratio = value / base;
  const { atLeast = -Infinity, atMost = Infinity } = aim;
  return { ...aim, measured: ratio, met: ratio >= atLeast && ratio <= atMost };
}
