import assert from "node:assert/strict";
import { exactCount, humanBitRate, humanBytes, humanCount, humanDuration } from "./human.ts";

Deno.test("humanCount() is exact up to 9999, then has three digits and a unit", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [999, "999"],
    [9999, "9999"],
    [10_000, "10k"],
    [12_345, "12.3k"],
    [999_499, "999k"],
    [999_500, "1M"],
    [1_234_567, "1.23M"],
    [5e18, "5000P"],
  ];
  for (const [count, text] of cases) assert.equal(humanCount(count), text);
  assert.equal(exactCount(1_234_567), "1,234,567");
});

Deno.test("humanBytes() and humanBitRate() count in powers of ten", () => {
  assert.equal(humanBytes(0), "0B");
  assert.equal(humanBytes(999), "999B");
  assert.equal(humanBytes(66_000), "66kB");
  assert.equal(humanBytes(1_366_800), "1.37MB");
  assert.equal(humanBytes(1.2e12), "1.2TB");
  assert.equal(humanBitRate(0), "0bit/s");
  assert.equal(humanBitRate(1.25e9), "10Gbit/s");
});

Deno.test("humanDuration() names the two largest units", () => {
  const cases: [number, string][] = [
    [0, "0ms"],
    [3.4, "3ms"],
    [999, "999ms"],
    [1500, "1.5s"],
    [5000, "5s"],
    [9960, "9s"],
    [42_900, "42s"],
    [60_000, "1m"],
    [303_000, "5m3s"],
    [7_440_000, "2h4m"],
    [86_400_000 * 3 + 7 * 3_600_000 + 59_000, "3d7h"],
    [86_400_000 * 400, "400d"],
  ];
  for (const [durationMs, text] of cases) assert.equal(humanDuration(durationMs), text);
});
