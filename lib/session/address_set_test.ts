import assert from "node:assert/strict";
import fc from "fast-check";
import { AddressSet } from "./address_set.ts";

const word = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer());
const address = fc.tuple(word, word, word, word);

Deno.test("an address set has what it was made of, and nothing else", () => {
  fc.assert(fc.property(fc.array(address, { maxLength: 40 }), address, (members, other) => {
    const set = new AddressSet(members);
    for (const member of members) assert.ok(set.has(Int32Array.of(9, ...member), 1));
    const known = members.some((member) => String(member) === String(other));
    assert.equal(set.has(Int32Array.from(other), 0), known);
  }));
});
