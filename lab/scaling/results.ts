import { breakEvenBytes, type Costs, costsOf } from "./costs.ts";
import { type Assumed, type Measured, measuredOf, medians } from "./inputs.ts";
import { type Carried, carriedBy, type Load, loadOf } from "./load.ts";
import type { Measurements } from "./measurements.ts";
import { type Mix, MIXES } from "./mixes.ts";
import { checkModel, type ModelCheck } from "./model_check.ts";
import { sampleSessions } from "./sample.ts";
import { CORES, DEFAULT_THRESHOLD, SESSIONS, THRESHOLDS } from "./scope.ts";
import { sensitivityOf, type SensitivityRow } from "./sensitivity.ts";

export interface ScalingOptions {
  readonly seed: number;
  readonly assumed: Assumed;
}

export interface MixResult {
  readonly name: string;
  readonly source: string;
  readonly medianBytes: number;
  /** One for each of {@link THRESHOLDS}. */
  readonly loads: readonly Load[];
  /** One for each of {@link CORES}, with as many servers as it takes. */
  readonly served: readonly Served[];
}

/** What a machine with so many cores serves. */
export interface Served {
  readonly cores: number;
  readonly never: Carried;
  readonly byDefault: Carried;
  /** With the threshold of which most is carried; the lowest of them when several are as good. */
  readonly best: Carried & { readonly threshold: number };
}

/** All that the document says, as values. */
export interface Scaling extends ScalingOptions {
  readonly machine: string;
  readonly sessions: number;
  readonly measured: Measured;
  readonly costs: Costs;
  readonly breakEvenBytes: number;
  readonly checks: readonly ModelCheck[];
  readonly mixes: readonly MixResult[];
  readonly sensitivity: readonly SensitivityRow[];
}

/**
 * Pure.
 *
 * @throws {LabUsageError} when the run has not all the figures that it takes
 */
export function scalingOf(run: Measurements, { seed, assumed }: ScalingOptions): Scaling {
  const measured = measuredOf(run);
  const costs = costsOf(medians(measured), assumed, run.cores);
  return {
    seed,
    assumed,
    machine: run.machine,
    sessions: SESSIONS,
    measured,
    costs,
    breakEvenBytes: breakEvenBytes(costs),
    checks: checkModel(run, costs),
    mixes: MIXES.map((mix) => resultOf(mix, costs, { seed, assumed })),
    sensitivity: sensitivityOf({ measured, assumed, seed, labCores: run.cores }),
  };
}

function resultOf(mix: Mix, costs: Costs, { seed, assumed }: ScalingOptions): MixResult {
  const sizes = sampleSessions(mix.sizes, { seed, sessions: SESSIONS, ...assumed });
  const loads = THRESHOLDS.map((threshold) => loadOf(sizes, threshold, costs));
  return {
    name: mix.name,
    source: mix.source,
    medianBytes: sizes.toSorted()[SESSIONS / 2]!,
    loads,
    served: CORES.map((cores) => servedBy(loads, cores, costs, assumed)),
  };
}

function servedBy(
  loads: readonly Load[],
  cores: number,
  costs: Costs,
  assumed: Assumed,
): Served {
  const at = (load: Load) => carriedBy(load, { cores, agents: Infinity }, costs, assumed);
  return {
    cores,
    never: at(loadAt({ loads }, Infinity)),
    byDefault: at(loadAt({ loads }, DEFAULT_THRESHOLD)),
    best: loads.map((load) => ({ ...at(load), threshold: load.threshold }))
      .reduce((best, each) => each.gbit > best.gbit ? each : best),
  };
}

export function loadAt({ loads }: Pick<MixResult, "loads">, threshold: number): Load {
  return loads.find((load) => load.threshold === threshold)!;
}
