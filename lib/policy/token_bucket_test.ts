import assert from "node:assert/strict";
import { TokenBucket } from "./token_bucket.ts";

Deno.test("a bucket allows its burst at once, and its rate afterwards", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 20, nowMs: 1000 });
  bucket.spend(20);
  assert.ok(bucket.isEmpty(1000));
  assert.ok(bucket.isEmpty(1009));
  assert.ok(!bucket.isEmpty(1010));
  bucket.spend(1);
  assert.ok(bucket.isEmpty(1011));
});

Deno.test("what was overspent is waited for", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 20, nowMs: 0 });
  bucket.spend(30);
  assert.ok(bucket.isEmpty(100));
  assert.ok(!bucket.isEmpty(110));
});

Deno.test("a bucket never holds more than its burst, and a clock that stands still adds nothing", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 5, nowMs: 0 });
  assert.ok(!bucket.isEmpty(1e9));
  bucket.spend(5);
  assert.ok(bucket.isEmpty(1e9));
  assert.ok(bucket.isEmpty(1e9 - 50));
});
