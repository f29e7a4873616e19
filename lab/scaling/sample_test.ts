import assert from "node:assert/strict";
import { MIXES, type Sizes } from "./mixes.ts";
import { quantile, sampleSessions } from "./sample.ts";

const OPTIONS = { seed: 1, sessions: 50_000, responses: 1, spread: 1.5 };

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the distribution itself: evenly between points, the published mean of each class. */
function exactMean(sizes: Sizes): number {
  if (sizes.kind === "classes") {
    const bits = sizes.classes.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0);
    const requests = sizes.classes.reduce((sum, each) => sum + each.requestsPerSecond, 0);
    return bits / 8 / requests;
  }
  return sizes.points.slice(1).reduce((sum, [bytes, share], i) => {
    const [before, shareBefore] = sizes.points[i]!;
    return sum + (share - shareBefore) * (bytes + before) / 2;
  }, 0);
}

Deno.test("the mean of what is drawn is that of the published distribution", () => {
  for (const { name, sizes } of MIXES) {
    const ratio = mean(sampleSessions(sizes, OPTIONS)) / exactMean(sizes);
    // Log-normal sizes are drawn freely: their mean lies within a few parts in a hundred.
    const within = sizes.kind === "points" ? 0.001 : 0.05;
    assert.ok(Math.abs(ratio - 1) < within, `${name}: ${ratio}`);
  }
});

Deno.test("the share of sessions below each point is the published one", () => {
  for (const { name, sizes } of MIXES) {
    if (sizes.kind !== "points") continue;
    const drawn = sampleSessions(sizes, OPTIONS);
    for (const [bytes, share] of sizes.points) {
      const below = drawn.filter((size) => size <= bytes).length / drawn.length;
      assert.ok(Math.abs(below - share) < 1e-4, `${name}: ${below} up to ${bytes}`);
    }
  }
});

Deno.test("the same seed draws the same sessions, another one others", () => {
  const [{ sizes }] = MIXES as [typeof MIXES[number]];
  const drawn = sampleSessions(sizes, OPTIONS);
  assert.deepEqual(sampleSessions(sizes, OPTIONS), drawn);
  assert.notDeepEqual(sampleSessions(sizes, { ...OPTIONS, seed: 2 }), drawn);
});

Deno.test("a connection with ten responses carries ten times as much in the mean", () => {
  for (const { name, sizes } of MIXES) {
    const drawn = sampleSessions(sizes, { ...OPTIONS, sessions: 20_000, responses: 10 });
    const ratio = mean(drawn) / exactMean(sizes) / 10;
    assert.ok(Math.abs(ratio - 1) < 0.1, `${name}: ${ratio}`);
  }
});

Deno.test("quantile() goes evenly from point to point", () => {
  const points = [[0, 0], [100, 0.5], [300, 1]] as const;
  assert.deepEqual([0, 0.25, 0.5, 0.75, 1].map((share) => quantile(points, share)), [
    0,
    50,
    100,
    200,
    300,
  ]);
});
