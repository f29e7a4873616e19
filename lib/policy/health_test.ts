import assert from "node:assert/strict";
import fc from "fast-check";
import { Health } from "./health.ts";

/** The status after each of `results`, `+` for good and `-` for bad. */
function statuses(results: string, rise = 2, fall = 3): string[] {
  const health = new Health({ rise, fall });
  return Array.from(results, (result) => {
    health.observe(result === "+");
    return health.status;
  });
}

Deno.test("the first good check brings a server up, and until then it counts as able", () => {
  const health = new Health({ rise: 2, fall: 3 });
  assert.equal(health.status, "unknown");
  assert.equal(health.able, true);
  assert.equal(health.observe(true), true);
  assert.equal(health.status, "up");
  assert.equal(health.observe(true), false);
});

Deno.test("a server goes down after fall bad checks in a row, and up after rise good ones", () => {
  assert.deepEqual(statuses("+---+-++"), ["up", "up", "up", "down", "down", "down", "down", "up"]);
  assert.deepEqual(statuses("---"), ["unknown", "unknown", "down"]);
});

Deno.test("bad checks count in a row, not over a lifetime", () => {
  assert.deepEqual(new Set(statuses("+" + "--+".repeat(50))), new Set(["up"]));
});

Deno.test("the status only changes after enough results in a row, and observe() tells", () => {
  fc.assert(fc.property(
    fc.array(fc.boolean()),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 5 }),
    (results, rise, fall) => {
      const health = new Health({ rise, fall });
      let row = 0;
      results.forEach((good, i) => {
        row = good === results[i - 1] ? row + 1 : 1;
        const before = health.status;
        const changed = health.observe(good);
        assert.equal(changed, health.status !== before);
        if (changed) {
          assert.equal(health.status, good ? "up" : "down");
          if (before !== "unknown" || !good) assert.ok(row >= (good ? rise : fall));
        }
        if (row >= Math.max(rise, fall)) assert.equal(health.status, good ? "up" : "down");
      });
    },
  ));
});
