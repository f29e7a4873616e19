import assert from "node:assert/strict";
import fc from "fast-check";
import { LowSince } from "./low_since.ts";

Deno.test("low lasts from the first look below until one look that is not", () => {
  const since = new LowSince(3);
  assert.equal(since.look(1, true, 1000), 0);
  assert.equal(since.look(1, true, 4000), 3000);
  assert.equal(since.look(1, false, 5000), 0);
  assert.equal(since.look(1, true, 6000), 0);
  assert.equal(since.look(2, true, 9000), 0);
});

Deno.test("what is low for a time has been so at every look within it", () => {
  const looks = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 3000 })), {
    maxLength: 60,
  });
  fc.assert(fc.property(looks, (looks) => {
    const since = new LowSince(1);
    const history: { atMs: number; low: boolean }[] = [];
    let nowMs = 1;
    for (const [low, afterMs] of looks) {
      nowMs += afterMs;
      history.push({ atMs: nowMs, low });
      const forMs = since.look(1, low, nowMs);
      const within = history.filter(({ atMs }) => atMs >= nowMs - forMs);
      assert.ok(forMs === 0 || within.every((it) => it.low), `${forMs} ms`);
      // And no shorter than it could be said to be.
      const before = history.findLast((it) => !it.low);
      const first = history.find(({ atMs }) => atMs > (before?.atMs ?? 0));
      assert.equal(forMs, low ? nowMs - first!.atMs : 0);
    }
  }));
});
