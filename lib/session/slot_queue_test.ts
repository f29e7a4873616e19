import assert from "node:assert/strict";
import fc from "fast-check";
import { SlotQueue } from "./slot_queue.ts";

Deno.test("slots leave in the order in which they came, except those taken out", () => {
  const step = fc.record({ slot: fc.integer({ min: 1, max: 20 }), add: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const queue = new SlotQueue(21);
    let model: number[] = [];
    for (const { slot, add } of steps) {
      if (add) {
        queue.add(slot);
        if (!model.includes(slot)) model.push(slot);
      } else {
        queue.remove(slot);
        model = model.filter((it) => it !== slot);
      }
      const found: number[] = [];
      for (let at = queue.oldest; at !== 0; at = queue.after(at)) found.push(at);
      assert.deepEqual(found, model);
      assert.equal(queue.size, model.length);
    }
  }));
});
