import assert from "node:assert/strict";
import fc from "fast-check";
import { TimerWheel } from "./timer_wheel.ts";

Deno.test("timers fire once, never early, at most one tick late", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 200 }),
    (delays) => {
      const start = 5_000_000;
      const wheel = new TimerWheel(delays.length + 1, start);
      delays.forEach((delay, i) => wheel.set(i + 1, start + delay));
      const fired = new Map<number, number>();
      for (let now = start; now < start + 101_000; now += 125) {
        for (let slot = wheel.take(now); slot !== 0; slot = wheel.take(now)) {
          assert.ok(!fired.has(slot));
          fired.set(slot, now);
        }
      }
      delays.forEach((delay, i) => {
        const late = fired.get(i + 1)! - (start + delay);
        assert.ok(late >= 0 && late <= 2 * TimerWheel.TICK_MS, `late by ${late} ms`);
      });
    },
  ));
});

Deno.test("a timer that was moved or cleared does not fire at its old time", () => {
  const wheel = new TimerWheel(4, 0);
  wheel.set(1, 1000);
  wheel.set(2, 1000);
  wheel.set(3, 1000);
  wheel.set(2, 5000);
  wheel.clear(1);
  assert.equal(wheel.take(2000), 3);
  assert.equal(wheel.take(2000), 0);
  assert.equal(wheel.take(5000), 2);
});

Deno.test("a deadline beyond the wheel fires at its far end", () => {
  const wheel = new TimerWheel(2, 0);
  wheel.set(1, 1e9);
  const reach = TimerWheel.BUCKETS * TimerWheel.TICK_MS;
  assert.equal(wheel.take(reach - 2 * TimerWheel.TICK_MS), 0);
  assert.equal(wheel.take(reach), 1);
});
