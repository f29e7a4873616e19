import assert from "node:assert/strict";
import type { Status } from "./answers.ts";
import { busyShares, sharesText } from "./busy_shares.ts";

const status = (...busyMs: number[]) =>
  ({ workers: busyMs.map((it) => ({ busyMs: it })) }) as unknown as Status;

Deno.test("each packet worker is as busy as it was between two looks", () => {
  const shares = busyShares(status(100, 5000), status(350, 5000), 1000);
  assert.deepEqual(shares, [0.25, 0]);
  assert.equal(sharesText(shares), "25 %, 0 %");
});

Deno.test("a daemon that began anew meanwhile is not idle below nothing, nor busy above all", () => {
  assert.deepEqual(busyShares(status(9000), status(10), 1000), [0]);
  assert.deepEqual(busyShares(status(0), status(1010), 1000), [1]);
  assert.deepEqual(busyShares(status(1), status(1, 2), 1000), []);
});
