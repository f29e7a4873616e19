import assert from "node:assert/strict";
import { Stillness } from "./stillness.ts";

const OPTIONS = { limitMs: 1_000, longestMs: 200 };

/** Looks every 100 ms from `fromMs`, at the beats given; at which of the looks it stands still. */
function looks(stillness: Stillness, fromMs: number, beats: readonly number[]): number[] {
  return beats.flatMap((beat, i) => stillness.look(beat, fromMs + 100 * i) ? [i] : []);
}

Deno.test("a heart that beats less often than it is looked at does not stand still", () => {
  const beats = Array.from({ length: 100 }, (_, i) => Math.floor(i / 9));
  assert.deepEqual(looks(new Stillness(OPTIONS), 5_000, beats), []);
});

Deno.test("a heart stands still after the limit, and until its next beat", () => {
  const beats = [1, 2, ...Array(12).fill(3), 4, 4];
  assert.deepEqual(looks(new Stillness(OPTIONS), 5_000, beats), [12, 13]);
});

Deno.test("time in which nobody could look does not count", () => {
  const stillness = new Stillness(OPTIONS);
  assert.deepEqual(looks(stillness, 0, [7, 7, 7]), []);
  // The host slept for an hour, or the watcher was stopped.
  assert.equal(stillness.look(7, 3_600_000), false);
  assert.deepEqual(looks(stillness, 3_600_100, Array(10).fill(7)), [5, 6, 7, 8, 9]);
});

Deno.test("a beat that wraps around is a beat", () => {
  const beats = Array.from({ length: 40 }, (_, i) => (0x7fffffff + i) | 0);
  assert.deepEqual(looks(new Stillness(OPTIONS), 0, beats), []);
});
