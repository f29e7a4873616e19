import assert from "node:assert/strict";
import fc from "fast-check";
import { naiveSum } from "./_test_support.ts";
import {
  changeOf16,
  changeOfWord,
  finish,
  fold,
  pseudoHeaderSum,
  sum16,
  update,
  update16,
  update32,
} from "./checksum.ts";

const CORNERS = [0, 1, 0xfffe, 0xffff];
const any16 = fc.oneof(fc.constantFrom(...CORNERS), fc.integer({ min: 0, max: 0xffff }));

Deno.test("sum16() agrees with its slow twin for every length and offset", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(bytes, fc.nat(7), any16, (data, offset, initial) => {
    const padded = new Uint8Array(offset + data.length + 3).fill(0xa5);
    padded.set(data, offset);
    const sum = sum16(new DataView(padded.buffer), offset, data.length, initial);
    assert.equal(sum, naiveSum(data, initial));
  }));
});

Deno.test("sum16() does not run over with the largest packet", () => {
  const data = new Uint8Array(65535).fill(0xff);
  for (const length of [65535, 65534, 65533, 65532, 16384, 16385, 16388, 32768]) {
    const sum = sum16(new DataView(data.buffer), 0, length, 0xffff);
    assert.equal(sum, naiveSum(data.subarray(0, length), 0xffff));
  }
});

Deno.test("the example of RFC 1071 section 3 sums up as printed there", () => {
  const data = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  const sum = sum16(new DataView(data.buffer), 0, data.length);
  assert.equal(sum, 0xddf2);
  assert.equal(finish(sum), 0x220d);
});

Deno.test("update16() is equation 3 of RFC 1624, not equation 2", () => {
  // RFC 1624 section 4: equation 2 of RFC 1141 yields 0xffff here.
  assert.equal(update16(0xdd2f, 0x5555, 0x3285), 0x0000);
});

Deno.test("update16() never yields 0xffff, not even where equation 3 does", () => {
  assert.equal(update16(0xffff, 0xffff, 0), 0);
});

Deno.test("update16() without a change changes nothing, 0xffff becoming the 0 that it means", () => {
  for (const value of CORNERS) {
    assert.equal(update16(0, value, value), 0);
    assert.equal(update16(0x1234, value, value), 0x1234);
    assert.equal(update16(0xffff, value, value), 0);
  }
});

Deno.test("update() of a header gives what computing it anew gives, corners included", () => {
  // The first word stands for what is never zero: version, protocol.
  const words = fc.array(any16, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(words, fc.nat(), any16, (data, at, to) => {
      const before = [0x4500, ...data];
      const index = 1 + at % data.length;
      const after = before.with(index, to);
      const checksum = finish(sumOf(before));
      assert.equal(update16(checksum, before[index]!, to), finish(sumOf(after)));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("all corners of old checksum, old value and new value agree with a full computation", () => {
  for (const rest of [1, 0x4500, ...CORNERS]) {
    for (const from of CORNERS) {
      for (const to of CORNERS) {
        const checksum = finish(sumOf([0x4500, rest, from]));
        assert.equal(update16(checksum, from, to), finish(sumOf([0x4500, rest, to])));
      }
    }
  }
});

Deno.test("update32() is two update16()", () => {
  const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
  fc.assert(fc.property(any16, word, word, (checksum, from, to) => {
    const high = update16(checksum, from >>> 16, to >>> 16);
    assert.equal(update32(checksum, from, to), update16(high, from & 0xffff, to & 0xffff));
  }));
});

Deno.test("many changes can be added up before they are applied", () => {
  const pairs = fc.array(fc.tuple(any16, any16), { maxLength: 30 });
  fc.assert(fc.property(any16, pairs, (checksum, changes) => {
    let together = 0;
    let stepwise = checksum === 0xffff ? 0 : checksum;
    for (const [from, to] of changes) {
      together += changeOf16(from, to);
      stepwise = update16(stepwise, from, to);
    }
    assert.equal(update(checksum, together), stepwise);
  }));
});

Deno.test("a partial checksum takes the change of the addresses uncomplemented", () => {
  // A stored sum of 0x1676; equation 3 would make it 0xc5f2.
  const change = fold(0x66f9 + (~0x1676 & 0xffff));
  assert.equal(fold(0x1676 + change), 0x66f9);
  assert.equal(fold(0xffff + changeOfWord(0, 0)), 0xffff);
});

Deno.test("pseudoHeaderSum() agrees with the layouts of RFC 9293 and RFC 8200", () => {
  const words = fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), {
    minLength: 8,
    maxLength: 8,
  });
  fc.assert(fc.property(words, fc.nat(255), fc.nat(0xffff), (values, protocol, length) => {
    const addresses = Int32Array.from(values);
    const v6 = [...bytesOf(values), ...bytesOf([length]), 0, 0, 0, protocol];
    assert.equal(pseudoHeaderSum(6, addresses, protocol, length), naiveSum(v6));
    const v4 = [...bytesOf([values[3]!, values[7]!]), 0, protocol, length >> 8, length & 0xff];
    assert.equal(pseudoHeaderSum(4, addresses, protocol, length), naiveSum(v4));
  }));
});

function sumOf(words: number[]): number {
  return naiveSum(words.flatMap((word) => [word >> 8, word & 0xff]));
}

function bytesOf(words: number[]): number[] {
  return words.flatMap((w) => [w >>> 24, (w >>> 16) & 0xff, (w >>> 8) & 0xff, w & 0xff]);
}
