import assert from "node:assert/strict";
import fc from "fast-check";
import { busiest, CLEARLY_BUSIER, type Contender, exchanges, leastBusy } from "./busiest.ts";

const contenders = (firstSlot: number) =>
  fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 30 }).map((rates) =>
    rates.map((rate, i): Contender => ({ slot: firstSlot + i, rate }))
  );

Deno.test("the busiest and the least busy are those that sorting finds", () => {
  fc.assert(fc.property(contenders(1), fc.integer({ min: 0, max: 10 }), (all, most) => {
    const rates = all.map(({ rate }) => rate).sort((a, b) => a - b);
    assert.deepEqual(leastBusy(all, most).map(({ rate }) => rate), rates.slice(0, most));
    assert.deepEqual(
      busiest(all, most).map(({ rate }) => rate),
      rates.toReversed().slice(0, most),
    );
  }));
});

Deno.test("a place goes from a less busy one to a clearly busier one, each at most once", () => {
  fc.assert(fc.property(contenders(1), contenders(100), (placed, waiting) => {
    const rateOf = new Map([...placed, ...waiting].map(({ slot, rate }) => [slot, rate]));
    const pairs = exchanges(placed, waiting, 5);
    assert.ok(pairs.length <= 5);
    for (const pair of pairs) {
      assert.ok(pair.out < 100 && pair.in >= 100);
      assert.ok(rateOf.get(pair.in)! > CLEARLY_BUSIER * rateOf.get(pair.out)!);
    }
    const moved = pairs.flatMap((pair) => [pair.out, pair.in]);
    assert.equal(new Set(moved).size, moved.length);
  }));
});

Deno.test("exchanges come to an end: nobody gets a place back whose rate stays", () => {
  fc.assert(fc.property(contenders(1), contenders(100), (placed, waiting) => {
    const [has, wants] = [new Map<number, Contender>(), new Map<number, Contender>()];
    for (const one of placed) has.set(one.slot, one);
    for (const one of waiting) wants.set(one.slot, one);
    const gaveUp = new Set<number>();
    for (let turn = 0; turn < 100; turn++) {
      const pairs = exchanges(has.values(), wants.values(), 3);
      if (pairs.length === 0) return;
      for (const pair of pairs) {
        assert.ok(!gaveUp.has(pair.in), "a place came back to one that had given it up");
        gaveUp.add(pair.out);
        has.set(pair.in, wants.get(pair.in)!);
        wants.set(pair.out, has.get(pair.out)!);
        has.delete(pair.out);
        wants.delete(pair.in);
      }
    }
    assert.fail("it never ends");
  }));
});

Deno.test("what is nearly as busy keeps its place", () => {
  const at = (slot: number, rate: number) => [{ slot, rate }];
  assert.deepEqual(exchanges(at(1, 100), at(2, 149), 5), []);
  assert.deepEqual(exchanges(at(1, 100), at(2, 151), 5), [{ out: 1, in: 2 }]);
  assert.deepEqual(exchanges(at(1, 0), at(2, 0), 5), []);
});
