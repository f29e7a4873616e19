import assert from "node:assert/strict";
import fc from "fast-check";
import { LinkedLists } from "./linked_lists.ts";

const LISTS = 3;
const ITEMS = 8;

function read(lists: LinkedLists, list: number): number[] {
  const items: number[] = [];
  for (let item = lists.first(list); item !== 0; item = lists.next(item)) items.push(item);
  const backwards: number[] = [];
  for (let item = lists.last(list); item !== 0; item = lists.previous(item)) backwards.push(item);
  assert.deepEqual(backwards.toReversed(), items);
  return items;
}

Deno.test("appending, inserting, removing and joining agree with plain arrays", () => {
  const list = fc.nat(LISTS - 1);
  const step = fc.record({
    kind: fc.constantFrom("append", "insert", "insert", "remove", "join"),
    list,
    other: list,
    item: fc.integer({ min: 1, max: ITEMS }),
    place: fc.nat(ITEMS),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    const lists = new LinkedLists(LISTS, ITEMS);
    const model: number[][] = Array.from({ length: LISTS }, () => []);
    for (const { kind, list, other, item, place } of steps) {
      const mine = model[list]!;
      const isIn = model.findIndex((items) => items.includes(item));
      if (kind === "join" && other !== list) {
        lists.moveAll(list, other);
        model[other]!.push(...mine.splice(0));
      } else if (kind === "remove" && isIn >= 0) {
        lists.remove(isIn, item);
        model[isIn]!.splice(model[isIn]!.indexOf(item), 1);
      } else if (kind === "append" && isIn < 0) {
        lists.append(list, item);
        mine.push(item);
      } else if (kind === "insert" && isIn < 0) {
        const at = place % (mine.length + 1);
        lists.insertAfter(list, at === 0 ? 0 : mine[at - 1]!, item);
        mine.splice(at, 0, item);
      }
      model.forEach((items, i) => assert.deepEqual(read(lists, i), items));
    }
  }));
});
