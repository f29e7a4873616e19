import assert from "node:assert/strict";
import fc from "fast-check";
import { SessionPauses } from "./session_pauses.ts";

const CAPACITY = 8;

/** The slots whose pauses have ended. */
function ended(pauses: SessionPauses, nowMs: number): number[] {
  const slots: number[] = [];
  pauses.expire(nowMs, (slot) => slots.push(slot));
  return slots;
}

Deno.test("a pause ends at its time, once, and not before", () => {
  const pauses = new SessionPauses(CAPACITY, 1000);
  pauses.set(1, 101, { dueMs: 3000, binding: false });
  pauses.set(2, 102, { dueMs: 2000, binding: true });
  assert.deepEqual([pauses.left(1, 101, 1500), pauses.left(2, 102, 1500)], [1500, 500]);
  assert.deepEqual(ended(pauses, 1999), []);
  assert.deepEqual(ended(pauses, 2250), [2]);
  assert.deepEqual(ended(pauses, 9000), [1]);
  assert.deepEqual(ended(pauses, 99_000), []);
  assert.equal(pauses.left(1, 101, 9000), 0);
});

Deno.test("only a binding pause binds, and only its own session", () => {
  const pauses = new SessionPauses(CAPACITY, 1000);
  pauses.set(1, 101, { dueMs: 3000, binding: false });
  pauses.set(2, 102, { dueMs: 3000, binding: true });
  assert.deepEqual([pauses.binds(1, 101), pauses.binds(2, 102), pauses.binds(2, 103)], [
    false,
    true,
    false,
  ]);
  pauses.clear(2);
  assert.equal(pauses.binds(2, 102), false);
  assert.deepEqual(ended(pauses, 9000), [1]);
});

Deno.test("pauses grow up to a minute, and begin small for the slot's next session", () => {
  const pauses = new SessionPauses(CAPACITY, 1000);
  const grown = Array.from({ length: 9 }, () => pauses.grow(1, 101, 1000));
  assert.deepEqual(grown, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(pauses.grow(1, 102, 1000), 1000);
  assert.equal(pauses.grow(1, 102, 1000), 2000);
  pauses.clear(1);
  assert.equal(pauses.grow(1, 102, 1000), 1000);
});

Deno.test("a pause longer than the wheel reaches is as long as it says", () => {
  const pauses = new SessionPauses(CAPACITY, 0);
  const day = 86_400_000;
  pauses.set(1, 101, { dueMs: day, binding: true });
  for (let hour = 1; hour < 24; hour++) assert.deepEqual(ended(pauses, hour * 3_600_000), []);
  assert.deepEqual(ended(pauses, day + 250), [1]);
});

Deno.test("every pause ends once, between its time and a quarter of a second after it", () => {
  const pause = fc.record({
    slot: fc.integer({ min: 1, max: CAPACITY }),
    forMs: fc.integer({ min: 0, max: 100_000 }),
    afterMs: fc.integer({ min: 0, max: 20_000 }),
  });
  fc.assert(fc.property(fc.array(pause, { maxLength: 40 }), (list) => {
    const pauses = new SessionPauses(CAPACITY, 0);
    const due = new Map<number, number>();
    let nowMs = 0;
    const look = () => {
      const over = ended(pauses, nowMs);
      assert.equal(new Set(over).size, over.length);
      for (const slot of over) {
        assert.ok(due.get(slot)! <= nowMs);
        due.delete(slot);
      }
      for (const [slot, dueMs] of due) assert.ok(dueMs + 250 > nowMs, `slot ${slot} is late`);
    };
    for (const { slot, forMs, afterMs } of list) {
      pauses.set(slot, slot, { dueMs: nowMs + forMs, binding: false });
      due.set(slot, nowMs + forMs);
      nowMs += afterMs;
      look();
    }
    nowMs += 200_000;
    look();
    assert.equal(due.size, 0);
  }));
});
