/**
 * What a daemon measures, as values: families of samples that whoever serves them writes out.
 *
 * prom-client keeps counts of its own, which would have to be set from ours at every scrape, and
 * writes no UNIT; reading what is counted anyway and writing it down is less than adapting to that.
 *
 * @module
 */
import type { Histogram } from "./histogram.ts";

/** Few values each, bounded by the configuration: never a client, never a session. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

interface Family {
  /** In the words of OpenMetrics: without `_total`, with the unit. */
  readonly name: string;
  readonly help: string;
  /** A base unit, which the name ends with. */
  readonly unit?: "seconds" | "bytes";
}

export interface NumberMetric extends Family {
  /** A counter never goes back while the process lives. `info`: one sample, of value 1. */
  readonly type: "counter" | "gauge" | "info";
  readonly samples: readonly Sample[];
}

export interface HistogramMetric extends Family {
  readonly type: "histogram";
  readonly samples: readonly { readonly labels?: Labels; readonly value: Histogram }[];
}

export type Metric = NumberMetric | HistogramMetric;

/** What a daemon has to tell at this moment. */
export type Collect = () => readonly Metric[];

/** A family with one sample, or with those given. */
export function counter(
  name: string,
  help: string,
  value: number | readonly Sample[],
): NumberMetric {
  return { type: "counter", ...family(name, help), samples: samplesOf(value) };
}

export function gauge(
  name: string,
  help: string,
  value: number | readonly Sample[],
): NumberMetric {
  return { type: "gauge", ...family(name, help), samples: samplesOf(value) };
}

export function histogram(
  name: string,
  help: string,
  samples: HistogramMetric["samples"],
): HistogramMetric {
  return { type: "histogram", ...family(name, help), samples };
}

function family(name: string, help: string): Family {
  const unit = (["seconds", "bytes"] as const).find((it) => name.endsWith(`_${it}`));
  return { name, help, ...(unit && { unit }) };
}

function samplesOf(value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === "number" ? [{ value }] : value;
}
