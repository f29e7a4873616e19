import assert from "node:assert/strict";
import { EarlyReports } from "./early_reports.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("news of one moment goes out in one report, closing sessions without delay", async () => {
  const sent: number[] = [];
  using early = new EarlyReports(() => sent.push(performance.now()), () => performance.now());
  early.resent();
  early.closing();
  early.resent();
  assert.equal(sent.length, 0, "gathered first");
  await pause(30);
  assert.equal(sent.length, 1);
  early.closing();
  await pause(30);
  assert.equal(sent.length, 2);
});

Deno.test("a path that loses all the time causes a bounded number of reports, and the last news is told", async () => {
  const sent: number[] = [];
  using early = new EarlyReports(() => sent.push(performance.now()), () => performance.now());
  const begunMs = performance.now();
  let lastMs = begunMs;
  for (let i = 0; i < 100; i++) {
    lastMs = performance.now();
    early.resent();
    await pause(4);
  }
  await pause(150);
  assert.ok(sent.at(-1)! >= lastMs, "the last news is told");
  const most = (lastMs - begunMs) / 100 + 2;
  assert.ok(sent.length <= most, `${sent.length} reports in ${lastMs - begunMs} ms`);
});

Deno.test("what is sent again after a report that went out earlier than planned is told as well", async () => {
  const sent: number[] = [];
  using early = new EarlyReports(() => sent.push(performance.now()), () => performance.now());
  early.resent();
  await pause(20);
  // Planned for later, since one has just gone out; a session that closes takes it along.
  early.resent();
  early.closing();
  await pause(20);
  assert.equal(sent.length, 2);
  early.resent();
  await pause(250);
  assert.equal(sent.length, 3);
});
