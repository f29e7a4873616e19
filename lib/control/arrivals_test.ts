import assert from "node:assert/strict";
import { Arrivals } from "./arrivals.ts";

Deno.test("Arrivals limits each address by itself, and lets it come again later", () => {
  const arrivals = new Arrivals({ perSecond: 10, burst: 3 });
  const admitted = (address: string, nowMs: number) =>
    Array.from({ length: 5 }, () => arrivals.admit(address, nowMs)).filter(Boolean).length;
  assert.equal(admitted("10.0.0.1", 0), 3);
  assert.equal(admitted("10.0.0.2", 0), 3);
  assert.equal(admitted("10.0.0.1", 99), 0);
  assert.equal(admitted("10.0.0.1", 200), 2);
});

Deno.test("Arrivals remembers a bounded number of addresses, those seen last", () => {
  const arrivals = new Arrivals({ perSecond: 0, burst: 1 });
  assert.ok(arrivals.admit("10.0.0.1", 0));
  for (let i = 0; i < 9_000; i++) {
    assert.ok(arrivals.admit(`10.1.${i >> 8}.${i & 255}`, 0));
    if (i < 4_000) assert.ok(!arrivals.admit("10.0.0.1", 0));
  }
  assert.ok(arrivals.admit("10.0.0.1", 0), "forgotten by now");
});
