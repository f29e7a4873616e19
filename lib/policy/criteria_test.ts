import assert from "node:assert/strict";
import { CROSSED, crossed, startCriteria, thresholdOf } from "./criteria.ts";

Deno.test("crossed() is met by the first of several criteria, at the configured number exactly", () => {
  const criteria = startCriteria({ packets: 10, bytes: 65_536 });
  assert.equal(crossed(criteria, 9, 65_535), CROSSED.none);
  assert.equal(crossed(criteria, 10, 0), CROSSED.packets);
  assert.equal(crossed(criteria, 0, 65_536), CROSSED.bytes);
  assert.equal(crossed(criteria, 10, 65_536), CROSSED.bytes);
});

Deno.test("never and immediately need no numbers", () => {
  assert.equal(crossed(startCriteria({ never: true }), 1e9, 1e12), CROSSED.none);
  assert.equal(crossed(startCriteria({ immediately: true }), 0, 0), CROSSED.immediately);
});

Deno.test("a criterion that is not configured is never met", () => {
  assert.equal(crossed(startCriteria({ packets: 1 }), 0, 1e15), CROSSED.none);
  assert.equal(crossed(startCriteria({ bytes: 1 }), 1e15, 0), CROSSED.none);
});

Deno.test("thresholdOf() is the configured number that a reason is recorded with", () => {
  const criteria = startCriteria({ packets: 10, bytes: 65_536 });
  assert.equal(thresholdOf(criteria, CROSSED.bytes), 65_536);
  assert.equal(thresholdOf(criteria, CROSSED.packets), 10);
  assert.equal(thresholdOf(criteria, CROSSED.immediately), 0);
});
