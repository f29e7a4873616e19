import assert from "node:assert/strict";
import * as reasons from "./reason.ts";

Deno.test("every reason has a number of its own, a name and a meaning", () => {
  const numbers = Object.entries(reasons)
    .filter(([name, value]) => typeof value === "number" && name !== "REASON_COUNT");
  assert.deepEqual(
    numbers.map(([, value]) => value as number).sort((a, b) => a - b),
    Array.from({ length: reasons.REASON_COUNT }, (_, index) => index),
  );
  for (const [constant, value] of numbers) {
    // MARTIAN_SOURCE is "martianSource".
    const name = constant.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    assert.equal(reasons.reasonName(value as number), name);
    assert.match(reasons.reasonMeaning(value as number), /^\w.*[^.]$/);
  }
});

Deno.test("a number that is no reason has a name too", () => {
  assert.equal(reasons.reasonName(999), "reason999");
  assert.equal(reasons.reasonMeaning(999), "unknown reason 999");
});
