import assert from "node:assert/strict";
import { roundTicks, timeStep } from "./scale.ts";

Deno.test("roundTicks() are round, begin at 0 and hold the largest value", () => {
  assert.deepEqual(roundTicks(97, 4), [0, 25, 50, 75, 100]);
  assert.deepEqual(roundTicks(8, 4), [0, 2, 4, 6, 8]);
  assert.deepEqual(roundTicks(1.3e9, 3), [0, 5e8, 1e9, 1.5e9]);
  for (const largest of [1e-3, 0.7, 3, 19, 20, 21, 1e6, 7.7e11]) {
    const ticks = roundTicks(largest, 4);
    assert.ok(ticks.at(-1)! >= largest && ticks.at(-2)! < largest, `${largest}: ${ticks}`);
    assert.ok(ticks.length <= 6, `${largest}: ${ticks}`);
  }
});

Deno.test("roundTicks() of nothing are a line all the same", () => {
  assert.deepEqual(roundTicks(0, 4), [0, 1]);
  assert.deepEqual(roundTicks(NaN, 4), [0, 1]);
});

Deno.test("timeStep() is round in seconds, minutes or hours", () => {
  assert.equal(timeStep(300_000, 6), 60_000);
  assert.equal(timeStep(45_000, 8), 10_000);
  assert.equal(timeStep(900, 4), 500);
  assert.equal(timeStep(48 * 3_600_000, 6), 8 * 3_600_000);
});
