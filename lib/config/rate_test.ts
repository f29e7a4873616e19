import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatLoad,
  formatRate,
  LOAD_PATTERN,
  parseLoad,
  parseRate,
  RATE_PATTERN,
} from "./rate.ts";

Deno.test("a rate is of bits, kept as bytes, or of packets", () => {
  assert.deepEqual(parseRate("10Mbit/s"), { of: "bytes", perSecond: 1_250_000 });
  assert.deepEqual(parseRate("1.5kbit/s"), { of: "bytes", perSecond: 187.5 });
  assert.deepEqual(parseRate("8bit/s"), { of: "bytes", perSecond: 1 });
  assert.deepEqual(parseRate("1000/s"), { of: "packets", perSecond: 1000 });
});

Deno.test("what is no rate is refused with an example", () => {
  for (const text of ["", "10", "10Mbit", "10mbit/s", "10MB/s", "-1/s", "10 Mbit/s", "1e3/s"]) {
    assert.throws(() => parseRate(text), {
      name: "SyntaxError",
      message: `"${text}" is not a rate such as 10Mbit/s or, in packets, 1000/s`,
    });
    assert.ok(!new RegExp(RATE_PATTERN).test(text), text);
  }
  assert.throws(() => parseRate("0Mbit/s"), RangeError);
});

Deno.test("a load is a rate or a share of a core", () => {
  assert.deepEqual(parseLoad("50%"), { of: "core", share: 0.5 });
  assert.deepEqual(parseLoad("1Gbit/s"), { of: "bytes", perSecond: 125e6 });
  for (const text of ["0%", "100%", "250%"]) assert.throws(() => parseLoad(text), RangeError);
  for (const text of ["half", "50 %", "%"]) assert.throws(() => parseLoad(text), SyntaxError);
  assert.deepEqual(["50%", "12.5%", "33.3%"].map((it) => formatLoad(parseLoad(it))), [
    "50%",
    "12.5%",
    "33.3%",
  ]);
});

Deno.test("what is written is read back as the same number", () => {
  const unit = fc.constantFrom("/s", "bit/s", "kbit/s", "Mbit/s", "Gbit/s");
  fc.assert(fc.property(fc.integer({ min: 1, max: 1e6 }), unit, (count, unit) => {
    const rate = parseRate(`${count}${unit}`);
    assert.deepEqual(parseRate(formatRate(rate)), rate);
    assert.ok(new RegExp(LOAD_PATTERN).test(formatRate(rate)));
  }));
  assert.equal(formatRate({ of: "bytes", perSecond: 1_250_000 }), "10Mbit/s");
  assert.equal(formatRate({ of: "bytes", perSecond: 125e6 }), "1Gbit/s");
});
