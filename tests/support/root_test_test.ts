import assert from "node:assert/strict";
import { isLinux, missingTools } from "./root_test.ts";

Deno.test("missingTools() names what is in no folder of PATH, and nothing else", () => {
  assert.deepEqual(missingTools(["sh", "no-such-program"]), ["no-such-program"]);
});

Deno.test("isLinux() compares versions as numbers, whatever a distribution appends", () => {
  const cases: [string, boolean][] = [
    ["6.6.0", true],
    ["6.12.9-amd64", true],
    ["7.0-rc1", true],
    ["6.5.13", false],
    ["5.15.0-91-generic", false],
  ];
  for (const [release, expected] of cases) assert.equal(isLinux("6.6", release), expected, release);
});
