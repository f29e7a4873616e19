import assert from "node:assert/strict";
import { Distribution } from "./distribution.ts";

Deno.test("quantile() is the smallest sample that the share of all does not exceed", () => {
  const distribution = new Distribution([5, 1, 4, 2, 3]);
  assert.deepEqual([0, 0.2, 0.5, 0.9, 1].map((share) => distribution.quantile(share)), [
    1,
    1,
    3,
    5,
    5,
  ]);
  assert.equal(new Distribution([7]).quantile(0.99), 7);
});

Deno.test("median is the sample in the middle, or the mean of the two there", () => {
  assert.equal(new Distribution([9, 1, 5]).median, 5);
  assert.equal(new Distribution([9, 1, 5, 2]).median, 3.5);
  assert.equal(new Distribution([7]).median, 7);
});

Deno.test("histogram() counts a sample on a bound above it", () => {
  assert.deepEqual(new Distribution([0.5, 1, 1.5, 2, 30]).histogram([1, 2, 5]), [1, 2, 1, 1]);
});

Deno.test("a distribution of nothing is refused", () => {
  assert.throws(() => new Distribution([]), RangeError);
});
