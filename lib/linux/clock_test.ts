import assert from "node:assert/strict";
import { bootTimeMs, monotonicTimeMs } from "./clock.ts";

Deno.test("bootTimeMs() is what the kernel calls the uptime, and never goes back", () => {
  const before = uptimeMs();
  let last = bootTimeMs();
  for (let i = 0; i < 1000; i++) {
    const now = bootTimeMs();
    assert.ok(now >= last);
    last = now;
  }
  // /proc/uptime counts in hundredths of a second.
  assert.ok(last >= before - 10 && last <= uptimeMs() + 10, `${before} ${last} ${uptimeMs()}`);
});

Deno.test("monotonicTimeMs() is not ahead of bootTimeMs(), which counts suspended time too", () => {
  assert.ok(monotonicTimeMs() <= bootTimeMs());
});

function uptimeMs(): number {
  return Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]) * 1000;
}
