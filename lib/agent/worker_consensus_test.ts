import assert from "node:assert/strict";
import { WorkerConsensus } from "./worker_consensus.ts";

Deno.test("what was commanded counts as done when the last worker has done it, for each instruction", () => {
  const done = new WorkerConsensus(4, 3);
  const told = [4, 1, 4, 1, 1, 4].map((slot) => done.isReached(slot));
  assert.deepEqual(told, [false, false, false, false, true, true]);
  assert.deepEqual([4, 4, 4].map((slot) => done.isReached(slot)), [false, false, true]);
});

Deno.test("one worker is always the last one", () => {
  const done = new WorkerConsensus(2, 1);
  assert.ok(done.isReached(2));
  assert.ok(done.isReached(2));
});
