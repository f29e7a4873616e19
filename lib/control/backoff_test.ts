import assert from "node:assert/strict";
import { Backoff } from "./backoff.ts";

Deno.test("Backoff doubles up to the longest pause, and begins anew after success", () => {
  const backoff = new Backoff({ firstMs: 100, longestMs: 5000, random: () => 0 });
  const pauses = Array.from({ length: 8 }, () => backoff.pauseMs());
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  backoff.reset();
  assert.equal(backoff.pauseMs(), 100);
});

Deno.test("Backoff shortens each pause at random, by up to a half", () => {
  const numbers = [0, 0.5, 0.999];
  const backoff = new Backoff({ firstMs: 100, longestMs: 100, random: () => numbers.shift()! });
  assert.deepEqual(Array.from({ length: 3 }, () => Math.round(backoff.pauseMs())), [100, 75, 50]);
});
