import assert from "node:assert/strict";
import fc from "fast-check";
import { PortPool } from "./port_pool.ts";

Deno.test("every port of the range is given out once, then none", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 65535 }),
      fc.integer({ min: 0, max: 2000 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999999, noNaN: true })),
      (first, more, random) => {
        const last = Math.min(65535, first + more);
        const pool = new PortPool(first, last);
        const seen = new Set<number>();
        for (let i = first; i <= last; i++) {
          const port = pool.take(random.next().value);
          assert.ok(port >= first && port <= last && !seen.has(port));
          seen.add(port);
        }
        assert.equal(pool.take(0.5), 0);
        assert.equal(pool.free, 0);
        pool.release(last);
        assert.equal(pool.take(0.01), last);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("reserve marks a port once and refuses ports outside", () => {
  const pool = new PortPool(1024, 2048);
  assert.ok(pool.reserve(1500));
  assert.ok(!pool.reserve(1500));
  assert.ok(!pool.reserve(80));
  assert.equal(pool.free, 1024);
  pool.release(1500);
  pool.release(1500);
  assert.equal(pool.free, 1025);
});

Deno.test("the first port comes from the random number, not from the start of the range", () => {
  const pool = new PortPool(1000, 1999);
  assert.equal(pool.take(0.5), 1500);
  assert.equal(pool.take(0.5), 1501);
  assert.equal(pool.take(0.999), 1999);
  assert.equal(pool.take(0.999), 1000);
});
