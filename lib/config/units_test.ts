import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatDurationMs,
  formatSizeBytes,
  parseDurationMs,
  parsePortRange,
  parseSizeBytes,
} from "./units.ts";

Deno.test("parseDurationMs() reads one unit, several from large to small, and fractions", () => {
  assert.equal(parseDurationMs("500ms"), 500);
  assert.equal(parseDurationMs("10s"), 10_000);
  assert.equal(parseDurationMs("5m"), 300_000);
  assert.equal(parseDurationMs("2h4m"), 7_440_000);
  assert.equal(parseDurationMs("1d"), 86_400_000);
  assert.equal(parseDurationMs("1.5s"), 1500);
  assert.equal(parseDurationMs("0s"), 0);
});

Deno.test("parseDurationMs() refuses what has no unit, an unknown one, or units out of order", () => {
  for (const text of ["", "10", "10 s", "s", "-1s", "1s1m", "1s1s", "1.s", "1e3s", "10S", "1w"]) {
    assert.throws(() => parseDurationMs(text), SyntaxError, text);
  }
});

Deno.test("formatDurationMs() writes what parseDurationMs() reads back", () => {
  assert.equal(formatDurationMs(7_440_000), "2h4m");
  assert.equal(formatDurationMs(0), "0s");
  fc.assert(fc.property(fc.nat({ max: 10 ** 12 }), (durationMs) => {
    assert.equal(parseDurationMs(formatDurationMs(durationMs)), durationMs);
  }));
});

Deno.test("parseSizeBytes() tells units of 1024 from units of 1000", () => {
  assert.equal(parseSizeBytes("64KiB"), 65_536);
  assert.equal(parseSizeBytes("10MB"), 10_000_000);
  assert.equal(parseSizeBytes("1kB"), 1000);
  assert.equal(parseSizeBytes("1KB"), 1000);
  assert.equal(parseSizeBytes("1.5GiB"), 1.5 * 2 ** 30);
  assert.equal(parseSizeBytes("4096"), 4096);
  assert.equal(parseSizeBytes("7B"), 7);
});

Deno.test("parseSizeBytes() refuses other units and parts of a byte", () => {
  for (const text of ["", "KiB", "1Kib", "1Mbit", "-1B", "1.5B", "1 KiB", "9999999TiB"]) {
    assert.throws(() => parseSizeBytes(text), SyntaxError, text);
  }
});

Deno.test("formatSizeBytes() writes what parseSizeBytes() reads back", () => {
  assert.equal(formatSizeBytes(65_536), "64KiB");
  assert.equal(formatSizeBytes(10_000_000), "10MB");
  assert.equal(formatSizeBytes(1500), "1500B");
  assert.equal(formatSizeBytes(0), "0B");
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => {
    assert.equal(parseSizeBytes(formatSizeBytes(bytes)), bytes);
  }));
});

Deno.test("parsePortRange() reads a range and a single port", () => {
  assert.deepEqual(parsePortRange("1024-65535"), { first: 1024, last: 65_535 });
  assert.deepEqual(parsePortRange("53"), { first: 53, last: 53 });
});

Deno.test("parsePortRange() refuses ports that do not exist and ranges that run backwards", () => {
  for (const text of ["0", "0-5", "65536", "1-65536", "9-8", "1-", "-1", "a", "1-2-3", "1 - 2"]) {
    assert.throws(() => parsePortRange(text), SyntaxError, text);
  }
});
