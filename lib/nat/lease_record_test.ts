import assert from "node:assert/strict";
import { HEADER_F64 } from "../session/layout.ts";
import { LeaseRecord } from "./lease_record.ts";

/** A process that begins at that time, and what the one after it would read. */
function begin(headerF64: Float64Array, now: number) {
  const record = new LeaseRecord(headerF64, now);
  return { record, read: () => headerF64[HEADER_F64.leaseMs]! };
}

Deno.test("a shorter lease is recorded once the longer one of an earlier process is over, and not before", () => {
  const header = new Float64Array(32);
  begin(header, 0).record.use(60_000);
  const second = begin(header, 100_000);
  assert.equal(second.record.earlierMs, 60_000);
  second.record.use(5_000);
  second.record.tick(101_000);
  assert.equal(second.read(), 60_000);
  // A third one, soon after: agents that only the first has granted something may still go on.
  const third = begin(header, 102_000);
  assert.equal(third.record.earlierMs, 60_000);
  third.record.use(5_000);
  third.record.tick(161_999);
  assert.equal(third.read(), 60_000);
  third.record.tick(162_000);
  assert.equal(third.read(), 5_000);
});

Deno.test("of the leases that one process grants the longest stays", () => {
  const { record, read } = begin(new Float64Array(32), 0);
  for (const leaseMs of [5_000, 20_000, 1_000]) record.use(leaseMs);
  record.tick(1_000_000);
  assert.equal(read(), 20_000);
});

Deno.test("a damaged header is believed no more than the longest lease", () => {
  for (
    const [damaged, believed] of [[NaN, 0], [Infinity, 3_600_000], [1e300, 3_600_000]] as const
  ) {
    assert.equal(begin(new Float64Array(32).fill(damaged), 0).record.earlierMs, believed);
  }
});
