/**
 * What several have of one quantity, as bars to the median, each with a line from the least to the
 * most that was found.
 *
 * @module
 */
import { type Markup, markup } from "./markup.ts";
import { tenths } from "./scale.ts";
import type { PictureForm } from "./topology_measures.ts";

export interface Bar {
  readonly name: string;
  /** Which of the two paths it stands for; null: neither. */
  readonly path: "nat" | "bypass" | null;
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

export interface BarChart {
  readonly bars: readonly Bar[];
  /** What people read of a value. */
  figure(value: number): string;
  /** Said to who does not see it. */
  readonly title: string;
}

const MEASURES: Readonly<Record<PictureForm, { width: number; name: number; figure: number }>> = {
  wide: { width: 960, name: 190, figure: 110 },
  narrow: { width: 340, name: 140, figure: 82 },
};
const ROW = 24, BAR = 14;

/** Draws the chart. */
export function barChart({ bars, figure, title }: BarChart, form: PictureForm): Markup {
  const { width, name, figure: room } = MEASURES[form];
  const largest = Math.max(0, ...bars.map(({ most }) => most));
  const x = (value: number) => {
    const share = largest > 0 ? Math.max(0, value) / largest : 0;
    return tenths(name + share * (width - name - room));
  };
  return markup`<svg class="bars" viewBox="0 0 ${width} ${
    Math.max(1, bars.length) * ROW
  }" role="img" aria-label="${title}">${
    bars.map(({ name: label, path, least, median, most }, i) => {
      const top = i * ROW + (ROW - BAR) / 2, middle = i * ROW + ROW / 2;
      return markup`<text x="${name - 10}" y="${middle + 4}" text-anchor="end">${label}</text>
<rect class="bar ${path ?? "other"}" x="${name}" y="${top}" width="${
        tenths(x(median) - name)
      }" height="${BAR}"></rect>
<path class="spread" d="M${x(least)} ${middle}H${x(most)}M${x(least)} ${middle - 4}v8M${x(most)} ${
        middle - 4
      }v8"></path>
<text class="figure" x="${width}" y="${middle + 4}" text-anchor="end">${figure(median)}</text>`;
    })
  }</svg>`;
}
