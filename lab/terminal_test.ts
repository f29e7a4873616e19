import assert from "node:assert/strict";
import { alignColumns, formatBytes, formatCount, formatShare } from "./terminal.ts";

Deno.test("alignColumns() puts words left and numbers right", () => {
  assert.deepEqual(alignColumns([["s1", "1,000", "up"], ["client", "20", "down"]]), [
    "s1      1,000  up",
    "client     20  down",
  ]);
});

Deno.test("alignColumns() puts a heading above its numbers", () => {
  assert.deepEqual(alignColumns([["name", "bytes"], ["s1", "1,000,000"]], { heading: true }), [
    "name      bytes",
    "s1    1,000,000",
  ]);
});

Deno.test("formatCount() separates thousands", () => {
  assert.equal(formatCount(1234567), "1,234,567");
  assert.equal(formatCount(999), "999");
});

Deno.test("formatBytes() and formatShare() keep the digits that matter", () => {
  assert.equal(formatBytes(999), "999 B");
  assert.equal(formatBytes(12_340_000), "12.3 MB");
  assert.equal(formatShare(0.0042), "0.42 %");
  assert.equal(formatShare(0.995), "99.5 %");
});
