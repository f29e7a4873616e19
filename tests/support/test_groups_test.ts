import assert from "node:assert/strict";
import { executableGroups, groupTests } from "./test_groups.ts";

const FILES = [
  "tests/claims/c1_test.ts",
  "tests/claims/reports_test.ts",
  "lib/wire/ipv4_test.ts",
  "tests/dependencies_test.ts",
  "lab/plan_test.ts",
  "lab/traffic/http_test.ts",
  "lib/wire/deep/er_test.ts",
  "cli/packaging/standalone/executable_test.ts",
  "tests/support/junit_test.ts",
  "tests/faults/scenarios_test.ts",
  "tests/faults/reload_test.ts",
];

Deno.test("groupTests() puts each test in one group, and those that use a lab last, the longest first", () => {
  assert.deepEqual(groupTests(FILES).map(({ name, files }) => [name, files]), [
    ["tests", ["tests/dependencies_test.ts"]],
    ["tests/support", ["tests/support/junit_test.ts"]],
    ["lib/wire", ["lib/wire/deep/er_test.ts", "lib/wire/ipv4_test.ts"]],
    ["tests/faults", ["tests/faults/reload_test.ts"]],
    ["tests/claims", ["tests/claims/c1_test.ts"]],
    ["tests/claims beyond C1 to C9", ["tests/claims/reports_test.ts"]],
    ["fault scenarios", ["tests/faults/scenarios_test.ts"]],
    ["lab", ["lab/plan_test.ts", "lab/traffic/http_test.ts"]],
  ]);
});

Deno.test("executableGroups() run the claims by the executable, and its own tests", () => {
  const groups = executableGroups(FILES, "/dist/bypath");
  assert.deepEqual(groups.map(({ files }) => files), [
    ["tests/claims/c1_test.ts"],
    ["cli/packaging/standalone/executable_test.ts"],
  ]);
  for (const { env } of groups) assert.deepEqual(env, { BYPATH_EXECUTABLE: "/dist/bypath" });
});
