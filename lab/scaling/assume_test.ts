import assert from "node:assert/strict";
import { LabUsageError } from "../options.ts";
import { assume } from "./assume.ts";
import { ASSUMED_VALUES } from "./inputs.ts";

Deno.test("assumptions that are given replace those that are there, and no others", () => {
  assert.deepEqual(assume([]), ASSUMED_VALUES);
  assert.deepEqual(assume(["linkGbit=100", "furtherCore=0"]), {
    ...ASSUMED_VALUES,
    linkGbit: 100,
    furtherCore: 0,
  });
});

Deno.test("a name that is none and a value that makes no sense are refused", () => {
  assert.throws(
    () => assume(["linkgbits=4"]),
    new LabUsageError(
      'Cannot assume "linkgbits=4": no assumption has that name, did you mean "linkGbit"?',
    ),
  );
  assert.throws(() => assume(["toString=1"]), /no assumption has that name/);
  for (const wrong of ["packets=1.5", "furtherCore=2", "linkGbit=0", "linkGbit", "spread=1e99"]) {
    assert.throws(() => assume([wrong]), LabUsageError, wrong);
  }
});
