import assert from "node:assert/strict";
import { COUNTER, makeCounters } from "../session/counters.ts";
import { WorkerPulse } from "./worker_pulse.ts";

Deno.test("a worker that wakes up or takes batches has a pulse, one that stands still has none", () => {
  const counters = makeCounters();
  const pulse = new WorkerPulse(counters);
  assert.ok(pulse.beats());
  assert.ok(!pulse.beats());
  counters[COUNTER.wakeUps] = 1;
  assert.ok(pulse.beats());
  counters[COUNTER.batches] = 7;
  assert.ok(pulse.beats());
  assert.ok(!pulse.beats());
});
