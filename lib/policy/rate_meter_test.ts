import assert from "node:assert/strict";
import fc from "fast-check";
import { RateMeter, SMOOTHING_MS } from "./rate_meter.ts";

const CAPACITY = 4;
const newMeter = () => new RateMeter(new ArrayBuffer(RateMeter.bytesFor(CAPACITY)));

/** Feeds a steady stream, looked at every `everyMs`. */
function feed(
  meter: RateMeter,
  options: { fromMs: number; forMs: number; everyMs: number; byteRate: number },
): void {
  const { fromMs, forMs, everyMs, byteRate } = options;
  for (let ms = 0; ms <= forMs; ms += everyMs) {
    meter.sample(1, fromMs + ms, ms / 10, ms * byteRate / 1000);
  }
}

Deno.test("a steady stream is measured as what it is, however often it is looked at", () => {
  for (const everyMs of [1, 7, 100, 333, 1000]) {
    const meter = newMeter();
    feed(meter, { fromMs: 5000, forMs: 10 * SMOOTHING_MS, everyMs, byteRate: 1e6 });
    assert.ok(Math.abs(meter.byteRate(1) - 1e6) < 100, `every ${everyMs} ms: ${meter.byteRate(1)}`);
    assert.ok(Math.abs(meter.packetRate(1) - 100) < 0.1, String(meter.packetRate(1)));
  }
});

Deno.test("two thirds of a change show after the smoothing time", () => {
  const meter = newMeter();
  feed(meter, { fromMs: 5000, forMs: SMOOTHING_MS, everyMs: 100, byteRate: 1e6 });
  assert.ok(Math.abs(meter.byteRate(1) / 1e6 - 0.632) < 0.01, String(meter.byteRate(1)));
});

Deno.test("a burst within one sample is spread over it", () => {
  const meter = newMeter();
  meter.sample(1, 1000, 0, 0);
  assert.equal(meter.sample(1, 1001, 45, 65_536), false);
  assert.equal(meter.byteRate(1), 0);
  meter.sample(1, 2000, 45, 65_536);
  assert.ok(meter.byteRate(1) < 65_536, String(meter.byteRate(1)));
});

Deno.test("a rate lies between the least and the greatest that was seen, and never below nothing", () => {
  const steps = fc.array(
    fc.record({ ms: fc.integer({ min: 1, max: 5000 }), bytes: fc.integer({ min: 0, max: 1e9 }) }),
    { minLength: 1, maxLength: 50 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const meter = newMeter();
    meter.sample(2, 1000, 0, 0);
    let [nowMs, bytes, sinceMs, sinceBytes, greatest] = [1000, 0, 1000, 0, 0];
    for (const step of steps) {
      nowMs += step.ms;
      bytes += step.bytes;
      if (!meter.sample(2, nowMs, 0, bytes)) continue;
      greatest = Math.max(greatest, (bytes - sinceBytes) * 1000 / (nowMs - sinceMs));
      [sinceMs, sinceBytes] = [nowMs, bytes];
      const rate = meter.byteRate(2);
      assert.ok(rate >= 0 && rate <= greatest * (1 + 1e-6), `${rate}, greatest ${greatest}`);
    }
  }));
});

Deno.test("slots do not disturb each other, and a cleared one begins anew", () => {
  const meter = newMeter();
  feed(meter, { fromMs: 5000, forMs: 5000, everyMs: 100, byteRate: 1e6 });
  assert.deepEqual([meter.byteRate(0), meter.byteRate(2)], [0, 0]);
  meter.clear(1);
  assert.equal(meter.byteRate(1), 0);
  // The counts of the slot's next session begin at 0 again.
  assert.equal(meter.sample(1, 20_000, 0, 0), false);
  meter.sample(1, 20_100, 1, 1000);
  assert.ok(meter.byteRate(1) > 0 && meter.byteRate(1) < 10_000);
});

Deno.test("rates are read by others out of the same memory, whatever the capacity", () => {
  for (const capacity of [1, 2, 3, 1000]) {
    const buffer = new SharedArrayBuffer(RateMeter.bytesFor(capacity));
    const [writer, reader] = [new RateMeter(buffer), new RateMeter(buffer)];
    writer.sample(capacity, 1000, 0, 0);
    writer.sample(capacity, 2000, 10, 5000);
    assert.ok(reader.byteRate(capacity) > 0);
    assert.equal(reader.byteRate(capacity - 1), 0);
  }
});
