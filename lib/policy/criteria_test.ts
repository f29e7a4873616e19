import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CROSSED,
  crossed,
  MEASURE,
  startCriteria,
  type StartSettings,
  thresholdOf,
} from "./criteria.ts";

/** bytes, packets, age, bytes a second, packets a second. */
function meets(settings: StartSettings, ...measured: number[]): number {
  return crossed(startCriteria(settings), Float64Array.from([...measured, 0, 0, 0, 0, 0]));
}

Deno.test("crossed() is met by the first of several criteria, at the configured number exactly", () => {
  const settings = { packets: 10, bytes: 65_536 };
  assert.equal(meets(settings, 65_535, 9), CROSSED.none);
  assert.equal(meets(settings, 0, 10), CROSSED.packets);
  assert.equal(meets(settings, 65_536, 0), CROSSED.bytes);
  assert.equal(meets(settings, 65_536, 10), CROSSED.bytes);
});

Deno.test("never and immediately need no numbers", () => {
  assert.equal(meets({ never: true }, 1e12, 1e9), CROSSED.none);
  assert.equal(meets({ immediately: true }, 0, 0), CROSSED.immediately);
});

Deno.test("age and rates are criteria like the others", () => {
  assert.equal(meets({ ageMs: 1000 }, 1e12, 1e9, 999), CROSSED.none);
  assert.equal(meets({ ageMs: 1000 }, 0, 0, 1000), CROSSED.age);
  assert.equal(meets({ byteRate: 1e6 }, 1e12, 1e9, 1e9, 999_999, 1e9), CROSSED.none);
  assert.equal(meets({ byteRate: 1e6 }, 0, 0, 0, 1e6), CROSSED.rate);
  assert.equal(meets({ packetRate: 100 }, 0, 0, 0, 1e9, 99), CROSSED.none);
  assert.equal(meets({ packetRate: 100 }, 0, 0, 0, 0, 100), CROSSED.packetRate);
});

Deno.test("`all` is met when each of its numbers is; another criterion beside it is an alternative", () => {
  const settings = { packets: 1000, all: { bytes: 100, ageMs: 50 } };
  assert.equal(meets(settings, 99, 0, 50), CROSSED.none);
  assert.equal(meets(settings, 100, 0, 49), CROSSED.none);
  assert.equal(meets(settings, 100, 0, 50), CROSSED.all);
  assert.equal(meets(settings, 0, 1000, 0), CROSSED.packets);
  assert.equal(meets({ all: {} }, 1e9, 1e9, 1e9), CROSSED.none);
});

Deno.test("crossed() agrees with the criteria as a person would read them", () => {
  const names = Object.keys(MEASURE) as (keyof typeof MEASURE)[];
  const number = fc.integer({ min: 1, max: 5 });
  const some = fc.record(Object.fromEntries(names.map((name) => [name, number])), {
    requiredKeys: [],
  });
  fc.assert(fc.property(some, some, fc.array(number, { minLength: 5, maxLength: 5 }), (...it) => {
    const [any, all, measured] = it;
    const reached = (of: Record<string, number | undefined>) =>
      names.filter((name) => name in of && measured[MEASURE[name]]! >= of[name]!);
    const expected = reached(any).length > 0 ||
      (Object.keys(all).length > 0 && reached(all).length === Object.keys(all).length);
    assert.equal(meets({ ...any, all }, ...measured) !== CROSSED.none, expected);
  }));
});

Deno.test("rates are measured only where a criterion asks for them", () => {
  assert.equal(startCriteria({ bytes: 1, all: { ageMs: 1 } }).metered, false);
  for (
    const settings of [{ byteRate: 1 }, { packetRate: 1 }, { all: { byteRate: 1 } }, {
      metered: true,
    }]
  ) assert.equal(startCriteria(settings).metered, true);
});

Deno.test("thresholdOf() is the configured number that a reason is recorded with", () => {
  const criteria = startCriteria({ packets: 10, bytes: 65_536, ageMs: 7, all: { bytes: 1 } });
  const of = (criterion: number) => thresholdOf(criteria, criterion);
  assert.deepEqual([CROSSED.bytes, CROSSED.packets, CROSSED.age].map(of), [65_536, 10, 7]);
  assert.deepEqual([CROSSED.all, CROSSED.immediately, CROSSED.none].map(of), [1, 0, 0]);
});
