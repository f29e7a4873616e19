import assert from "node:assert/strict";
import { takenAt } from "./machine_time.ts";
import { parseMemory } from "./memory.ts";
import { familyOf, kernelTicks, processSeconds } from "./process_time.ts";

Deno.test("takenAt() reads between the meter's lines", () => {
  const readings = [{ atMs: 100, takenMs: 10 }, { atMs: 200, takenMs: 60 }];
  assert.equal(takenAt(readings, 150), 35);
  assert.equal(takenAt(readings, 200), 60);
  assert.throws(() => takenAt(readings, 201), RangeError);
});

Deno.test("parseMemory() reads smaps_rollup", () => {
  const text =
    "00400000-7fff [rollup]\nRss:                1000 kB\nPss:                 500 kB\n" +
    "Pss_Dirty:           100 kB\n";
  assert.deepEqual(parseMemory(text), { residentBytes: 1_024_000, proportionalBytes: 512_000 });
});

Deno.test("processSeconds() grows with what this process computes", () => {
  const before = processSeconds(Deno.pid);
  const until = performance.now() + 30;
  while (performance.now() < until);
  assert.ok(processSeconds(Deno.pid) > before);
  assert.equal(familyOf(Deno.pid)[0], Deno.pid);
});

Deno.test("kernelTicks() tells the kernel's part of a program's time", () => {
  const before = kernelTicks(Deno.pid);
  const until = performance.now() + 10_000;
  let after = before;
  while (after.kernel === before.kernel && performance.now() < until) {
    for (let i = 0; i < 1_000; i++) Deno.statSync("/proc/self");
    after = kernelTicks(Deno.pid);
  }
  assert.ok(after.kernel > before.kernel);
  assert.ok(after.all - before.all >= after.kernel - before.kernel);
});
