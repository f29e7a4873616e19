/**
 * Metrics as text, in the two formats that Prometheus takes: OpenMetrics 1.0
 * (https://prometheus.io/docs/specs/om/open_metrics_spec/) and its own 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * @module
 */
import type { Histogram } from "./histogram.ts";
import type { Labels, Metric } from "./metric.ts";

export interface TextFormat {
  readonly contentType: string;
  readonly isOpenMetrics: boolean;
}

export const PROMETHEUS_TEXT: TextFormat = {
  contentType: "text/plain; version=0.0.4; charset=utf-8",
  isOpenMetrics: false,
};
export const OPEN_METRICS: TextFormat = {
  contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  isOpenMetrics: true,
};

/** The format that an Accept header (RFC 9110, section 12.5.1) prefers: OpenMetrics only when it is named. */
export function formatFor(accept: string): TextFormat {
  const preference = (type: RegExp) =>
    Math.max(
      0,
      ...accept.split(",").map((part) => {
        const [name = "", ...parameters] = part.split(";").map((it) => it.trim().toLowerCase());
        if (!type.test(name)) return 0;
        const version = parameters.find((it) => it.startsWith("version="));
        if (name.startsWith("application/") && !/^version="?1\.0\.0"?$/.test(version ?? "")) {
          return 0;
        }
        const q = Number(parameters.find((it) => it.startsWith("q="))?.slice(2) ?? 1);
        return Number.isNaN(q) ? 0 : q;
      }),
    );
  const open = preference(/^application\/openmetrics-text$/);
  return open > 0 && open >= preference(/^text\/(plain|\*)$/) ? OPEN_METRICS : PROMETHEUS_TEXT;
}

/** All families, in the order given. */
export function formatMetrics(
  metrics: readonly Metric[],
  { isOpenMetrics }: TextFormat,
): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const { type, help, unit } = metric;
    // Prometheus's own format knows no families: a counter is called what its sample is called.
    const sample = `${metric.name}${SUFFIX[type]}`;
    const name = isOpenMetrics ? metric.name : sample;
    lines.push(`# HELP ${name} ${escapeHelp(help, isOpenMetrics)}`);
    lines.push(`# TYPE ${name} ${!isOpenMetrics && type === "info" ? "gauge" : type}`);
    if (isOpenMetrics && unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
    if (metric.type === "histogram") {
      for (const { labels, value } of metric.samples) {
        lines.push(...histogramLines(sample, labels, value));
      }
    } else {
      for (const { labels, value } of metric.samples) {
        lines.push(`${sample}${labelText(labels)} ${numberText(value)}`);
      }
    }
  }
  if (isOpenMetrics) lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

const SUFFIX = { counter: "_total", info: "_info", gauge: "", histogram: "" } as const;

function histogramLines(name: string, labels: Labels | undefined, value: Histogram): string[] {
  const { bounds, cumulative, count, sum } = value;
  const bucket = (le: string, below: number) =>
    `${name}_bucket${labelText({ ...labels, le })} ${below}`;
  return [
    ...bounds.map((bound, i) => bucket(boundText(bound), cumulative[i]!)),
    bucket("+Inf", count),
    `${name}_sum${labelText(labels)} ${numberText(sum)}`,
    `${name}_count${labelText(labels)} ${count}`,
  ];
}

/** With a fraction always, as OpenMetrics wants it: a bound has one text, and so one series, in both formats. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return "";
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function escapeHelp(help: string, isOpenMetrics: boolean): string {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return isOpenMetrics ? escaped.replaceAll('"', '\\"') : escaped;
}
