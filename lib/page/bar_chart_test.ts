import assert from "node:assert/strict";
import { type Bar, barChart } from "./bar_chart.ts";

const bar = (name: string, least: number, median: number, most: number): Bar => ({
  name,
  path: null,
  least,
  median,
  most,
});
const draw = (bars: readonly Bar[]) =>
  barChart({ bars, figure: (value) => `${value} B/s`, title: "Throughput" }, "wide").text;

Deno.test("barChart(): bars are as long as their medians, the longest line ends where there is room", () => {
  const svg = draw([bar("a", 50, 50, 100), bar("b & c", 0, 25, 25)]);
  assert.deepEqual([...svg.matchAll(/<rect [^>]*width="([^"]*)"/g)].map(([, it]) => it), [
    "330",
    "165",
  ]);
  assert.match(svg, /d="M520 12H850/);
  assert.match(svg, />50 B\/s</);
  assert.match(svg, />b &amp; c</);
});

Deno.test("barChart() can be drawn of nothing, of zeros, and of what is below zero", () => {
  for (const bars of [[], [bar("a", 0, 0, 0)], [bar("a", -2, -1, 5)]]) {
    assert.doesNotMatch(draw(bars), /NaN|Infinity|undefined|width="-/);
  }
});
