import assert from "node:assert/strict";
import { TimeOrder } from "./time_order.ts";

interface Seen {
  readonly name: string;
  readonly seconds: number;
  readonly nanoseconds: number;
}

const seen = (name: string, seconds: number, nanoseconds = 0): Seen => ({
  name,
  seconds,
  nanoseconds,
});
const names = (items: readonly Seen[]) => items.map(({ name }) => name).join("");
const make = () => new TimeOrder<Seen>(500, (item) => item);

Deno.test("what comes from two places within the moment is put in the order of its times", () => {
  const order = make();
  order.add(seen("b", 10, 200), 0);
  order.add(seen("d", 11, 0), 0);
  order.add(seen("a", 10, 100), 300);
  order.add(seen("c", 10, 999_999_999), 400);
  assert.equal(order.dueMs, 500);
  assert.equal(names(order.take(499)), "");
  // What is older goes along with what has been held long enough.
  assert.equal(names(order.take(500)), "abcd");
  assert.equal(order.dueMs, null);
});

Deno.test("what is newer than all that was held long enough stays", () => {
  const order = make();
  order.add(seen("a", 1), 0);
  order.add(seen("c", 3), 400);
  order.add(seen("b", 2), 450);
  assert.equal(names(order.take(600)), "a");
  assert.equal(order.dueMs, 900);
  assert.equal(names(order.rest()), "bc");
  assert.equal(names(order.rest()), "");
});

Deno.test("what has the same time stays in the order in which it came", () => {
  const order = make();
  for (const name of "abcdef") order.add(seen(name, 7), 0);
  assert.equal(names(order.take(1000)), "abcdef");
});
