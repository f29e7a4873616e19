import assert from "node:assert/strict";
import { COUNTER, makeCounters } from "../session/counters.ts";
import { WorkerPulse } from "./worker_pulse.ts";

Deno.test("a worker that wakes up or takes batches has a pulse, one that stands still has none", () => {
  const counters = makeCounters();
  const pulse = new WorkerPulse([counters]);
  assert.ok(pulse.beats());
  assert.ok(!pulse.beats());
  counters[COUNTER.wakeUps] = 1;
  assert.ok(pulse.beats());
  counters[COUNTER.batches] = 7;
  assert.ok(pulse.beats());
  assert.ok(!pulse.beats());
});

Deno.test("a worker that was told to stand still is well as long as that lasts", () => {
  let isPaused = true;
  const pulse = new WorkerPulse([makeCounters()], () => isPaused);
  assert.deepEqual([pulse.beats(), pulse.beats()], [true, true]);
  isPaused = false;
  assert.ok(!pulse.beats());
});
