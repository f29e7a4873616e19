import assert from "node:assert/strict";
import { Ring } from "./ring.ts";

function drained(ring: Ring): number[][] {
  const out: number[][] = [];
  ring.drain((...record) => out.push(record));
  return out;
}

Deno.test("records come out in order, and the first one after silence asks for the bell", () => {
  const writer = new Ring(4);
  const reader = new Ring(writer.buffer);
  assert.equal(writer.push(1, 2, 3, 4), 2);
  assert.equal(writer.push(5, 6, 7, 8), 1);
  assert.deepEqual(drained(reader), [[1, 2, 3, 4], [5, 6, 7, 8]]);
  assert.ok(reader.empty);
  assert.equal(writer.push(9, 0, 0, 0), 2);
});

Deno.test("a full ring takes nothing and loses nothing", () => {
  const ring = new Ring(2);
  ring.push(1, 0, 0, 0);
  ring.push(2, 0, 0, 0);
  assert.equal(ring.push(3, 0, 0, 0), 0);
  assert.deepEqual(drained(ring).map((r) => r[0]), [1, 2]);
  assert.equal(ring.push(3, 0, 0, 0), 2);
});

Deno.test("a reader that takes some leaves the others, also while more arrive", () => {
  const ring = new Ring(8);
  for (const n of [1, 2, 3]) ring.push(n, 0, 0, 0);
  const taken: number[] = [];
  ring.drain((n) => {
    taken.push(n);
    ring.push(n + 3, 0, 0, 0);
  }, 2);
  assert.deepEqual(taken, [1, 2]);
  assert.ok(!ring.empty);
  assert.deepEqual(drained(ring).map((r) => r[0]), [3, 4, 5]);
});
