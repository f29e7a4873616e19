import assert from "node:assert/strict";
import fc from "fast-check";
import { PortPool, portsOfOthers } from "./port_pool.ts";

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

Deno.test("reserve marks a port once", () => {
  const pool = new PortPool(1024, 2048);
  assert.ok(pool.reserve(1500));
  assert.ok(!pool.reserve(1500));
  assert.equal(pool.free, 1024);
  pool.release(1500);
  pool.release(1500);
  assert.equal(pool.free, 1025);
});

Deno.test("a port outside the range is remembered for a range that has it", () => {
  const pool = new PortPool(1024, 2048);
  assert.ok(pool.reserve(80));
  assert.ok(!pool.reserve(80));
  assert.equal(pool.free, 1025);
  pool.limit(79, 81);
  assert.deepEqual([pool.free, pool.size], [2, 3]);
  assert.deepEqual([pool.take(0), pool.take(0), pool.take(0)], [79, 81, 0]);
  pool.release(80);
  assert.equal(pool.take(0), 80);
});

Deno.test("after any change of range what is free are its ports that nobody has", () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 300 }));
  const step = fc.record({ range, takes: fc.integer({ min: 0, max: 40 }), release: fc.nat(600) });
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const pool = new PortPool(1, 65535);
    const taken = new Set<number>();
    for (const { range: [first, more], takes, release } of steps) {
      pool.limit(first, first + more);
      for (let i = 0; i < takes; i++) {
        const port = pool.take(((i * 7919) % 101) / 101);
        if (port === 0) break;
        assert.ok(port >= first && port <= first + more && !taken.has(port));
        taken.add(port);
      }
      if (taken.delete(release)) pool.release(release);
      let free = 0;
      for (let port = first; port <= first + more; port++) if (!taken.has(port)) free++;
      assert.equal(pool.free, free);
    }
  }));
});

Deno.test("the first port comes from the random number, not from the start of the range", () => {
  const pool = new PortPool(1000, 1999);
  assert.equal(pool.take(0.5), 1500);
  assert.equal(pool.take(0.5), 1501);
  assert.equal(pool.take(0.999), 1999);
  assert.equal(pool.take(0.999), 1000);
});

Deno.test("workers give out all ports of a range among them, each its own, whatever the range becomes", () => {
  const pools = [0, 1, 2].map((worker) => new PortPool(2000, 2099, portsOfOthers(worker, 3)));
  const seen = new Set<number>();
  const takeAll = () =>
    pools.forEach((pool, worker) => {
      for (let port = pool.take(0.7); port !== 0; port = pool.take(0.3)) {
        assert.equal(port % 3, worker);
        assert.ok(!seen.has(port));
        seen.add(port);
      }
      assert.equal(pool.free, 0);
    });
  takeAll();
  assert.equal(seen.size, 100);
  for (const pool of pools) pool.limit(1990, 2109);
  takeAll();
  assert.equal(seen.size, 120);
});
