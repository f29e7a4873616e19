import assert from "node:assert/strict";
import { executableGroup, groupTests } from "./test_groups.ts";

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

Deno.test("executableGroup() runs the claims by the executable", () => {
  const group = executableGroup(FILES, "/dist/bypath");
  assert.deepEqual(group.files, [
    "tests/claims/c1_test.ts",
    "cli/packaging/standalone/executable_test.ts",
  ]);
  assert.deepEqual(group.env, { BYPATH_EXECUTABLE: "/dist/bypath" });
});
