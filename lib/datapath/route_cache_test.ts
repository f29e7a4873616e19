import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "../wire/address.ts";
import { RouteCache } from "./route_cache.ts";

const KEY = Int32Array.of(3, 5);

function words(text: string): Int32Array {
  return IpAddress.parse(text).words;
}

Deno.test("hops of both families are remembered, also that there is none", () => {
  const cache = new RouteCache(100, KEY);
  assert.equal(cache.get(words("10.0.0.1"), 0), -1);
  cache.set(words("10.0.0.1"), 0, 7);
  cache.set(words("2001:db8::a00:1"), 0, 8);
  cache.set(words("2001:db8::2"), 0, 0);
  assert.equal(cache.get(words("10.0.0.1"), 0), 7);
  assert.equal(cache.get(words("2001:db8::a00:1"), 0), 8);
  assert.equal(cache.get(words("2001:db8::2"), 0), 0);
  assert.equal(cache.get(words("2001:db8::3"), 0), -1);
  cache.clear();
  assert.equal(cache.get(words("10.0.0.1"), 0), -1);
  assert.equal(cache.size, 0);
});

Deno.test("when it is full it forgets, and grows no more", () => {
  const cache = new RouteCache(100, KEY);
  const address = (i: number) => Int32Array.of(0x20010db8, 0, 0, i);
  for (let i = 0; i < 1000; i++) {
    cache.set(address(i), 0, 1);
    assert.equal(cache.get(address(i), 0), 1);
    assert.ok(cache.size <= 100);
  }
});

Deno.test("it remembers what a Map remembers", () => {
  const word = fc.constantFrom(0, 1, -1, 0xffff, 0x20010db8);
  const entry = fc.tuple(word, word, word, word, fc.integer({ min: 0, max: 65535 }));
  fc.assert(fc.property(fc.array(entry, { maxLength: 100 }), (entries) => {
    const cache = new RouteCache(1000, KEY);
    const map = new Map<string, number>();
    for (const [w0, w1, w2, w3, hop] of entries) {
      const all = Int32Array.of(9, w0, w1, w2, w3);
      const key = `${w0} ${w1} ${w2} ${w3}`;
      assert.equal(cache.get(all, 1), map.get(key) ?? -1);
      cache.set(all, 1, hop);
      map.set(key, hop);
    }
    assert.equal(cache.size, map.size);
  }));
});
