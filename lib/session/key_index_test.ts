import assert from "node:assert/strict";
import fc from "fast-check";
import { KeyIndex } from "./key_index.ts";

const CAPACITY = 12;

Deno.test("random insertions and removals agree with a plain map, however bad the hash", () => {
  const operations = fc.array(
    fc.record({ key: fc.tuple(fc.nat(4), fc.nat(4)), remove: fc.boolean() }),
    { maxLength: 200 },
  );
  fc.assert(fc.property(operations, fc.nat(5), (list, hashes) => {
    const index = new KeyIndex(CAPACITY, 2);
    const hash = (key: readonly number[]) => key[0]! * 31 % (hashes + 1) - 2;
    const model = new Map<string, number>();
    for (const { key, remove } of list) {
      const words = Int32Array.from(key);
      const known = model.get(key.join()) ?? 0;
      assert.equal(index.find(words, hash(key)), known);
      if (known !== 0 && remove) {
        index.remove(known);
        model.delete(key.join());
      } else if (known === 0) {
        const entry = index.insert(words, hash(key));
        assert.equal(entry === 0, model.size === CAPACITY);
        assert.ok(![...model.values()].includes(entry));
        if (entry !== 0) model.set(key.join(), entry);
      }
      assert.equal(index.used, model.size);
      assert.equal(index.full, model.size === CAPACITY);
    }
  }));
});
