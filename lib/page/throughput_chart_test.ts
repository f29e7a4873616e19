import assert from "node:assert/strict";
import { type ThroughputChart, throughputChart } from "./throughput_chart.ts";

const SIZE = { width: 676, height: 200, id: "t" };

function chart(change: Partial<ThroughputChart>): string {
  return throughputChart({
    points: [],
    fromMs: 0,
    toMs: 60_000,
    timesFrom: "start",
    rate: (bytes) => `${bytes * 8} bit/s`,
    time: (atMs) => `${atMs / 1000} s`,
    title: "Throughput",
    ...change,
  }, SIZE).text;
}

/** What `path` goes through. */
function path(svg: string, name: string): string[] {
  return [...svg.matchAll(new RegExp(`<path class="${name}"[^>]* d="([^"]*)"`, "g"))]
    .map(([, d]) => d!);
}

Deno.test("throughputChart() stacks the bypass upon what came via NAT, on round scales", () => {
  const svg = chart({
    points: [
      { atMs: 0, viaNat: 100, viaBypass: 0 },
      { atMs: 1000, viaNat: 50, viaBypass: 50 },
      { atMs: 2000, viaNat: 0, viaBypass: 125 },
    ],
  });
  // 125 bytes a second are 1000 bit/s: ticks of 250 up to the top, which is at y 18; 0 is at 178.
  assert.match(svg, />1000 bit\/s</);
  assert.deepEqual(path(svg, "edge nat"), ["M76 50L85.9 114L95.7 178"]);
  assert.deepEqual(path(svg, "edge bypass"), ["M76 50L85.9 50L95.7 18"]);
});

Deno.test("throughputChart() draws nothing where nothing was measured, and nothing out of view", () => {
  const at = (atMs: number) => ({ atMs, viaNat: 1, viaBypass: 1, begins: atMs === 9000 });
  const svg = chart({ points: [-2000, -1000, 0, 1000, 9000, 10_000, 61_000].map(at) });
  assert.equal(path(svg, "edge nat").length, 2);
  assert.equal(path(chart({}), "edge nat").length, 0);
});

Deno.test("throughputChart() marks moments, with what they mean as text", () => {
  const marks = [{ atMs: 30_000, label: "3", text: "stop <all>" }];
  assert.match(chart({ marks }), /<title>stop &lt;all&gt;<\/title><line x1="372"/);
});

Deno.test("throughputChart() writes times at round distances from the end of a chart that goes on", () => {
  const svg = chart({
    fromMs: 0,
    toMs: 72_000,
    timesFrom: "end",
    time: (atMs) => `${(atMs - 72_000) / 1000} s`,
  });
  assert.deepEqual([...svg.matchAll(/>(-?\d+ s)</g)].map(([, time]) => time), [
    "0 s",
    "-15 s",
    "-30 s",
    "-45 s",
    "-60 s",
  ]);
});
