import assert from "node:assert/strict";
import { COUNTER, makeCounters } from "../session/counters.ts";
import { TurnClock } from "./turn_clock.ts";

/** The longest turn and its CPU time, after looks at (ms, CPU ms, found). */
function longest(looks: readonly (readonly [number, number, boolean | "slept"])[]): number[] {
  const counters = makeCounters();
  let cpuMs = 0;
  const clock = new TurnClock(counters, () => cpuMs);
  for (const [nowMs, cpu, found] of looks) {
    cpuMs = cpu;
    if (found === "slept") clock.slept(nowMs);
    else clock.look(nowMs);
    if (found === true) clock.found();
  }
  return [counters[COUNTER.longestTurnMs]!, counters[COUNTER.longestTurnCpuMs]!];
}

Deno.test("a thread that was not scheduled has a long turn of little CPU time", () => {
  assert.deepEqual(longest([[100, 7, true], [150, 8, true]]), [50, 1]);
  assert.deepEqual(longest([[100, 7, true], [150, 57, true]]), [50, 50]);
});

Deno.test("a turn counts when something waited, and does not begin before the thread slept", () => {
  assert.deepEqual(longest([[100, 7, true]]), [0, 0]);
  assert.deepEqual(longest([[100, 7, true], [150, 57, false]]), [0, 0]);
  assert.deepEqual(longest([[100, 7, true], [149, 8, "slept"], [150, 8, true]]), [1, 1]);
});

Deno.test("CPU time is never more than the turn took, and at most a millisecond too much", () => {
  assert.deepEqual(longest([[100, 7, true], [100.5, 7.5, true], [101, 8, true]]), [0.5, 0.5]);
  assert.deepEqual(longest([[100, 7, true], [100.9, 7.9, true], [102.9, 8, true]]), [2, 1]);
});
