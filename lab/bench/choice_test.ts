import assert from "node:assert/strict";
import { LabUsageError } from "../options.ts";
import { BENCHES } from "./all.ts";
import { chooseBenches } from "./choice.ts";
import { REFERENCES } from "./result.ts";
import { ROADS } from "./roads/all.ts";

Deno.test("without names all benches are chosen, in their order", () => {
  assert.deepEqual(chooseBenches([], []).map(({ name }) => name), BENCHES.map(({ name }) => name));
});

Deno.test("an unknown name gets a suggestion", () => {
  assert.throws(
    () => chooseBenches(["bulk-tpc"], []),
    new LabUsageError(
      'Cannot measure "bulk-tpc": no bench has that name, did you mean "bulk-tcp"?',
    ),
  );
  assert.throws(() => chooseBenches(["bulk-tcp"], ["nftt"]), /did you mean "nft"\?$/);
  assert.throws(() => chooseBenches(["xyzzy"], []), /bypath lab bench --list shows them$/);
});

Deno.test("with some subjects only the aims that concern them are left", () => {
  const [bulk] = chooseBenches(["bulk-tcp"], ["nft", "bypath-nat"]);
  assert.deepEqual(bulk?.subjects.map(({ name }) => name), ["nft", "bypath-nat"]);
  assert.ok(bulk?.aims?.every(({ subject, of }) => subject === "bypath-nat" && of === "nft"));
});

Deno.test("every aim names a quantity and subjects of its bench, and every reference is a road", () => {
  for (const { name, quantities, subjects, aims = [] } of BENCHES) {
    for (const { quantity, subject, of } of aims) {
      assert.ok(quantities.some((each) => each.name === quantity), `${name}: ${quantity}`);
      for (const one of [subject, ...of === undefined ? [] : [of]]) {
        assert.ok(subjects.some((each) => each.name === one), `${name}: ${one}`);
      }
    }
  }
  for (const reference of REFERENCES) assert.ok(ROADS.some(({ name }) => name === reference));
});
