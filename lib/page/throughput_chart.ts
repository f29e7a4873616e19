/**
 * Throughput by path over time: what came via NAT below, what bypassed above it, and the moments at
 * which something happened. Told apart by pattern and text as well as by colour.
 *
 * @module
 */
import { type Markup, markup } from "./markup.ts";
import { roundTicks, tenths, timeStep } from "./scale.ts";

/** Bytes a second up to this moment. */
export interface ThroughputPoint {
  readonly atMs: number;
  readonly viaNat: number;
  readonly viaBypass: number;
  /** Nothing is known of the time before it. */
  readonly begins?: boolean;
}

export interface ChartMark {
  readonly atMs: number;
  /** One or two characters, written at the top; `text` says what they mean. */
  readonly label: string;
  readonly text: string;
}

export interface ThroughputChart {
  /** In order of time. */
  readonly points: readonly ThroughputPoint[];
  readonly marks?: readonly ChartMark[];
  readonly fromMs: number;
  readonly toMs: number;
  /** From where the times that are written are round distances: the end of a chart that goes on. */
  readonly timesFrom: "start" | "end";
  /** Bytes a second at the top, where higher peaks are cut off; absent: the largest in view. */
  readonly topRate?: number;
  /** What people read of a rate in bytes a second, and of a time. */
  rate(bytesPerSecond: number): string;
  time(atMs: number): string;
  /** Said to who does not see it. */
  readonly title: string;
}

export interface ChartSize {
  readonly width: number;
  readonly height: number;
  /** Distinguishes this drawing's patterns from those of others on the page. */
  readonly id: string;
}

const LEFT = 76, RIGHT = 8, TOP = 18, BOTTOM = 22;
/** Between two labels of moments. */
const LABEL_SPACE = 17;
/** Between the times that are written, in pixels. */
const TIME_SPACE = 76;

/** Draws the chart. */
export function throughputChart(chart: ThroughputChart, size: ChartSize): Markup {
  const { width, height, id } = size;
  const ticks = roundTicks(8 * (chart.topRate ?? largestOf(chart)), height > 150 ? 4 : 3).map((
    bits,
  ) => bits / 8);
  const plot = new Plot(chart, size, ticks.at(-1)!);
  return markup`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${chart.title}">
<defs><pattern id="${id}-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="5" height="5"></rect><line class="hatch-line" x1="0" y1="0" x2="0" y2="5"></line></pattern></defs>
${ticks.map((tick) => rateLine(plot, tick, chart.rate(tick)))}
${timesOf(chart, width).map((atMs) => timeMark(plot, atMs, chart.time(atMs)))}
${plot.runs.map((run) => areas(plot, run, id))}
${moments(plot, chart.marks ?? [])}
</svg>`;
}

/** Where things are. */
class Plot {
  readonly runs: readonly (readonly ThroughputPoint[])[];
  readonly right: number;
  readonly bottom: number;
  readonly #chart: ThroughputChart;
  readonly #top: number;

  constructor(chart: ThroughputChart, { width, height }: ChartSize, top: number) {
    this.#chart = chart;
    this.#top = top;
    this.right = width - RIGHT;
    this.bottom = height - BOTTOM;
    this.runs = runsOf(chart);
  }

  x(atMs: number): number {
    const { fromMs, toMs } = this.#chart;
    return tenths(LEFT + (atMs - fromMs) / (toMs - fromMs) * (this.right - LEFT));
  }

  y(bytesPerSecond: number): number {
    const share = Math.min(1, bytesPerSecond / this.#top);
    return tenths(this.bottom - share * (this.bottom - TOP));
  }
}

/** The points in view, cut where there is nothing between two of them. */
function runsOf({ points, fromMs, toMs }: ThroughputChart): ThroughputPoint[][] {
  const runs: ThroughputPoint[][] = [];
  for (const point of points) {
    if (point.atMs < fromMs || point.atMs > toMs) continue;
    if (point.begins || runs.length === 0) runs.push([]);
    runs.at(-1)!.push(point);
  }
  return runs.filter((run) => run.length > 1);
}

function largestOf({ points, fromMs, toMs }: ThroughputChart): number {
  let largest = 0;
  for (const { atMs, viaNat, viaBypass } of points) {
    if (atMs >= fromMs && atMs <= toMs) largest = Math.max(largest, viaNat + viaBypass);
  }
  return largest;
}

function areas(plot: Plot, run: readonly ThroughputPoint[], id: string): Markup {
  const zero = run.map(({ atMs }) => [plot.x(atMs), plot.bottom] as const);
  const nat = run.map(({ atMs, viaNat }) => [plot.x(atMs), plot.y(viaNat)] as const);
  const all = run.map((point) =>
    [plot.x(point.atMs), plot.y(point.viaNat + point.viaBypass)] as const
  );
  return markup`<path class="area bypass" d="${between(all, nat)}"></path>
<path class="area nat" fill="url(#${id}-hatch)" d="${between(nat, zero)}"></path>
<path class="edge bypass" d="${lineThrough(all)}"></path>
<path class="edge nat" d="${lineThrough(nat)}"></path>`;
}

type Place = readonly [x: number, y: number];

function lineThrough(places: readonly Place[]): string {
  return `M${places.map(([x, y]) => `${x} ${y}`).join("L")}`;
}

function between(upper: readonly Place[], lower: readonly Place[]): string {
  return `${lineThrough([...upper, ...lower.toReversed()])}Z`;
}

function rateLine(plot: Plot, rate: number, text: string): Markup {
  const y = plot.y(rate);
  return markup`<line class="${
    rate === 0 ? "axis" : "grid"
  }" x1="${LEFT}" x2="${plot.right}" y1="${y}" y2="${y}"></line><text class="tick" x="${
    LEFT - 8
  }" y="${y + 4}" text-anchor="end">${text}</text>`;
}

function timesOf({ fromMs, toMs, timesFrom }: ThroughputChart, width: number): number[] {
  const count = Math.max(2, Math.floor((width - LEFT - RIGHT) / TIME_SPACE));
  const step = timeStep(toMs - fromMs, count);
  const steps = Math.floor((toMs - fromMs) / step);
  return Array.from(
    { length: steps + 1 },
    (_, i) => timesFrom === "start" ? fromMs + i * step : toMs - i * step,
  );
}

function timeMark(plot: Plot, atMs: number, text: string): Markup {
  const x = plot.x(atMs);
  const anchor = x > plot.right - 20 ? "end" : x < LEFT + 20 ? "start" : "middle";
  return markup`<line class="axis" x1="${x}" x2="${x}" y1="${plot.bottom}" y2="${
    plot.bottom + 4
  }"></line><text class="tick" x="${x}" y="${
    plot.bottom + 17
  }" text-anchor="${anchor}">${text}</text>`;
}

/** Marks that lie upon one another have one label, the first one's. */
function moments(plot: Plot, marks: readonly ChartMark[]): Markup[] {
  let labelled = -Infinity;
  return marks.map((mark) => {
    const x = plot.x(mark.atMs);
    const hasRoom = x - labelled >= LABEL_SPACE;
    if (hasRoom) labelled = x;
    return momentLine(plot, x, mark, hasRoom);
  });
}

function momentLine(
  plot: Plot,
  x: number,
  { label, text }: ChartMark,
  isLabelled: boolean,
): Markup {
  return markup`<g class="moment"><title>${text}</title><line x1="${x}" x2="${x}" y1="${TOP}" y2="${plot.bottom}"></line>${
    isLabelled &&
    markup`<circle cx="${x}" cy="${TOP - 8}" r="8"></circle><text x="${x}" y="${
      TOP - 4
    }" text-anchor="middle">${label}</text>`
  }</g>`;
}
