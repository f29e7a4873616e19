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
  let now = 0;
  const sent: number[] = [];
  let told = false;
  using early = new EarlyReports(() => {
    sent.push(now);
    told = true;
  }, () => now);
  for (let i = 0; i < 100; i++) {
    early.resent();
    told = false;
    now += 5;
    await pause(1);
  }
  await pause(150);
  assert.ok(told);
  assert.ok(sent.length >= 1 && sent.length <= 7, `${sent.length} reports in 500 ms`);
});
