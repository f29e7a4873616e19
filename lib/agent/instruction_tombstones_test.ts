import assert from "node:assert/strict";
import { NO_COUNTERS } from "../control/messages.ts";
import { Tombstones } from "./instruction_tombstones.ts";

const answer = (session: string, generation: number) => ({
  session,
  generation,
  known: true,
  reason: null,
  ...NO_COUNTERS,
});

Deno.test("a generation and all before it are over, the next is not", () => {
  const tombstones = new Tombstones(10);
  tombstones.add({ session: "a", generation: 5 }, null, 1000);
  assert.equal(tombstones.isOver("a", 4), true);
  assert.equal(tombstones.isOver("a", 5), true);
  assert.equal(tombstones.isOver("a", 6), false);
  assert.equal(tombstones.isOver("b", 1), false);
  tombstones.add({ session: "a", generation: 3 }, null, 1000);
  assert.equal(tombstones.isOver("a", 5), true);
});

Deno.test("the last word on a generation is kept, also when it is over twice", () => {
  const tombstones = new Tombstones(10);
  tombstones.add({ session: "a", generation: 5 }, answer("a", 5), 1000);
  tombstones.add({ session: "a", generation: 5 }, null, 2000);
  assert.deepEqual(tombstones.answer("a", 5), answer("a", 5));
  assert.equal(tombstones.answer("a", 4), null);
  tombstones.add({ session: "a", generation: 6 }, null, 2000);
  assert.equal(tombstones.answer("a", 5), null);
});

Deno.test("at the limit the oldest is forgotten, and everything up to it counts as over", () => {
  const tombstones = new Tombstones(2);
  tombstones.add({ session: "a", generation: 5 }, null, 1000);
  tombstones.add({ session: "b", generation: 6 }, null, 1000);
  tombstones.add({ session: "c", generation: 7 }, null, 1000);
  assert.equal(tombstones.size, 2);
  assert.equal(tombstones.isOver("a", 5), true);
  assert.equal(tombstones.isOver("z", 5), true);
  assert.equal(tombstones.isOver("z", 6), false);
  assert.equal(tombstones.isOver("b", 6), true);
  tombstones.clear();
  assert.equal(tombstones.isOver("a", 1), false);
});

Deno.test("prune() forgets what can no longer matter, and nothing else", () => {
  const tombstones = new Tombstones(10);
  tombstones.add({ session: "a", generation: 1 }, null, 1000);
  tombstones.add({ session: "b", generation: 2 }, null, 2000);
  tombstones.prune(999);
  assert.equal(tombstones.size, 2);
  tombstones.prune(1000);
  assert.equal(tombstones.size, 1);
  assert.equal(tombstones.isOver("a", 1), false);
});
