import assert from "node:assert/strict";
import { KeyedHash } from "./hash.ts";

function hash(key: [number, number], ...words: number[]): number {
  const h = new KeyedHash(...key);
  h.start();
  for (const word of words) h.add(word);
  return h.finish() >>> 0;
}

Deno.test("the hash depends on every word, on their order and on the key", () => {
  const base = hash([1, 2], 3, 4);
  assert.equal(hash([1, 2], 3, 4), base);
  for (const other of [hash([1, 2], 4, 3), hash([1, 2], 3), hash([2, 1], 3, 4)]) {
    assert.notEqual(other, base);
  }
});

Deno.test("neighbouring keys spread evenly over buckets", () => {
  const buckets = new Array(256).fill(0);
  for (let i = 0; i < 65536; i++) buckets[hash([11, 13], i, 80) & 255]++;
  const chiSquare = buckets.reduce((sum, n) => sum + (n - 256) ** 2 / 256, 0);
  // 255 degrees of freedom: 99.9 % of fair hashes stay below 331.
  assert.ok(chiSquare < 331, `chi-square ${chiSquare}`);
});

Deno.test("the short hash depends on its words, the domain and the key, and spreads evenly", () => {
  const base = new KeyedHash(1, 2).ofTwo(3, 4, 6);
  assert.equal(new KeyedHash(1, 2).ofTwo(3, 4, 6), base);
  for (
    const other of [
      new KeyedHash(1, 2).ofTwo(4, 3, 6),
      new KeyedHash(1, 2).ofTwo(3, 4, 17),
      new KeyedHash(2, 1).ofTwo(3, 4, 6),
    ]
  ) assert.notEqual(other, base);
  const keyed = new KeyedHash(11, 13);
  const low = new Array(256).fill(0), high = new Array(256).fill(0);
  for (let i = 0; i < 65536; i++) {
    const value = keyed.ofTwo(0x0a000001, (i << 16) | 5, 6);
    low[value & 255]++;
    high[value >>> 24]++;
  }
  for (const buckets of [low, high]) {
    const chiSquare = buckets.reduce((sum, n) => sum + (n - 256) ** 2 / 256, 0);
    assert.ok(chiSquare < 331, `chi-square ${chiSquare}`);
  }
});
