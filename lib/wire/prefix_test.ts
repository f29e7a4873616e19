import assert from "node:assert/strict";
import fc from "fast-check";
import { IpAddress } from "./address.ts";
import {
  addressAt,
  addressesOf,
  contains,
  countAddresses,
  formatAddressRange,
  formatPrefix,
  parseAddressRange,
  parsePrefix,
  prefixesOfRange,
  rangeContains,
  rangeOfPrefix,
  rangesOverlap,
} from "./prefix.ts";

Deno.test("parsePrefix() reads prefixes, and an address alone as one of full length", () => {
  for (const text of ["10.0.1.0/24", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/32", "::/0"]) {
    assert.equal(formatPrefix(parsePrefix(text)), text);
  }
  assert.equal(formatPrefix(parsePrefix("10.0.0.1")), "10.0.0.1/32");
  assert.equal(formatPrefix(parsePrefix("2001:db8::1")), "2001:db8::1/128");
});

Deno.test("parsePrefix() refuses bad lengths, and bits after the length with a suggestion", () => {
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/a", "10.0.0.0/-1", "/8"]) {
    assert.throws(() => parsePrefix(text), SyntaxError, text);
  }
  assert.throws(() => parsePrefix("10.0.1.7/24"), /did you mean 10\.0\.1\.0\/24/);
});

Deno.test("contains() looks at the bits of the length, in its own family", () => {
  const prefix = parsePrefix("10.0.1.0/24");
  assert.ok(contains(prefix, IpAddress.parse("10.0.1.255")));
  assert.ok(!contains(prefix, IpAddress.parse("10.0.2.0")));
  assert.ok(!contains(parsePrefix("::/0"), IpAddress.parse("10.0.1.1")));
  assert.ok(contains(parsePrefix("0.0.0.0/0"), IpAddress.parse("255.0.0.1")));
});

Deno.test("parseAddressRange() reads an address, a range and a prefix", () => {
  assert.equal(formatAddressRange(parseAddressRange("10.0.1.1")), "10.0.1.1");
  assert.equal(formatAddressRange(parseAddressRange("10.0.1.1-10.0.1.9")), "10.0.1.1-10.0.1.9");
  assert.equal(formatAddressRange(parseAddressRange("10.0.1.0/30")), "10.0.1.0-10.0.1.3");
  for (const text of ["10.0.1.9-10.0.1.1", "10.0.1.1-2001:db8::1", "10.0.1.1-10.0.1.2-10.0.1.3"]) {
    assert.throws(() => parseAddressRange(text), SyntaxError, text);
  }
});

Deno.test("addressesOf() goes through all ranges, across bytes, both ends included", () => {
  const ranges = ["10.0.0.254-10.0.1.1", "2001:db8::ffff-2001:db8::1:0"].map(parseAddressRange);
  assert.equal(
    [...addressesOf(ranges)].join(" "),
    "10.0.0.254 10.0.0.255 10.0.1.0 10.0.1.1 2001:db8::ffff 2001:db8::1:0",
  );
});

Deno.test("addressAt() counts from the first, across bytes and beyond 32 bits", () => {
  const range = parseAddressRange("10.0.0.250-10.0.1.5");
  assert.equal(countAddresses(range), 12);
  assert.equal(String(addressAt(range, 0)), "10.0.0.250");
  assert.equal(String(addressAt(range, 6)), "10.0.1.0");
  assert.throws(() => addressAt(range, 12), RangeError);
  assert.throws(() => addressAt(range, -1), RangeError);
  const wide = parseAddressRange("2001:db8::/64");
  assert.equal(countAddresses(wide), 2 ** 64);
  assert.equal(String(addressAt(wide, 2 ** 40)), "2001:db8::100:0:0");
});

Deno.test("rangesOverlap() and rangeContains() include both ends", () => {
  const range = parseAddressRange("10.0.1.1-10.0.1.9");
  assert.ok(rangesOverlap(range, parseAddressRange("10.0.1.9-10.0.2.0")));
  assert.ok(!rangesOverlap(range, parseAddressRange("10.0.1.10-10.0.2.0")));
  assert.ok(!rangesOverlap(range, parseAddressRange("::/0")));
  assert.ok(rangeContains(range, IpAddress.parse("10.0.1.1")));
  assert.ok(rangeContains(range, IpAddress.parse("10.0.1.9")));
  assert.ok(!rangeContains(range, IpAddress.parse("10.0.1.10")));
});

Deno.test("prefixesOfRange() covers exactly the range, in order, without a mergeable pair", () => {
  const first = fc.integer({ min: 0, max: 0xffff });
  fc.assert(fc.property(first, fc.integer({ min: 0, max: 2000 }), (start, size) => {
    const range = {
      first: IpAddress.fromWords(0, 0, 0xffff, 0x0a000000 + start),
      last: IpAddress.fromWords(0, 0, 0xffff, 0x0a000000 + start + size),
    };
    const prefixes = prefixesOfRange(range.first, range.last);
    let next = start;
    for (const prefix of prefixes) {
      const part = rangeOfPrefix(prefix);
      assert.equal(part.first.words[3], 0x0a000000 + next);
      next += countAddresses(part);
    }
    assert.equal(next, start + size + 1);
    // A minimal cover of 2^n addresses never needs more than two prefixes of one length.
    for (const { length } of prefixes) {
      assert.ok(prefixes.filter((prefix) => prefix.length === length).length <= 2);
    }
  }));
});

Deno.test("prefixesOfRange() keeps whole families in one prefix", () => {
  for (const text of ["0.0.0.0/0", "::/0", "2001:db8::/64", "10.0.0.1/32"]) {
    const range = parseAddressRange(text);
    assert.deepEqual(prefixesOfRange(range.first, range.last).map(formatPrefix), [text]);
  }
  const backwards = parseAddressRange("10.0.0.1-10.0.0.2");
  assert.throws(() => prefixesOfRange(backwards.last, backwards.first), RangeError);
});
