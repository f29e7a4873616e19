import assert from "node:assert/strict";
import { takenAt } from "./machine_time.ts";
import { parseMemory } from "./memory.ts";
import { familyOf, kernelTicks, processSeconds } from "./process_time.ts";
import { parseThread, readThreads, threadsBetween } from "./thread_time.ts";

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

Deno.test("threadsBetween() tells packet workers from the main thread and the runtime's own", () => {
  const thread = (name: string, ms: number, [program, kernel]: [number, number], isMain = false) =>
    parseThread({
      schedstat: `${ms * 1e6} 1000 7\n`,
      stat: `7 (${name}) S 1 7 7 0 -1 4194304 1 0 0 0 ${program} ${kernel} 0 0 20 0 9`,
      isMain,
    });
  const before = new Map([
    ["7", thread("bypath", 100, [1, 1], true)],
    ["8", thread("packets 0", 200, [10, 10])],
    ["9", thread("V8 (Worker)", 5, [0, 0])],
  ]);
  const after = new Map([
    ["7", thread("bypath", 150, [2, 2], true)],
    ["8", thread("packets 0", 600, [20, 40])],
    ["9", thread("V8 (Worker)", 25, [0, 0])],
    ["10", thread("packets 1", 50, [0, 5])],
  ]);
  const times = threadsBetween(before, after)!;
  assert.ok(Math.abs(times.packetsInKernel - 0.35) < 1e-9);
  assert.ok(Math.abs(times.packetsInProgram - 0.1) < 1e-9);
  assert.ok(Math.abs(times.main - 0.05) < 1e-9);
  assert.ok(Math.abs(times.runtime - 0.02) < 1e-9);
  assert.equal(
    threadsBetween(new Map(), new Map([["7", thread("haproxy", 1, [0, 1], true)]])),
    null,
  );
});

Deno.test("readThreads() finds this process's main thread", () => {
  const main = [...readThreads(Deno.pid).values()].filter(({ isMain }) => isMain);
  assert.equal(main.length, 1);
  assert.ok(main[0]!.seconds > 0);
});
