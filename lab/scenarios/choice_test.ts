import assert from "node:assert/strict";
import { LabUsageError } from "../options.ts";
import { SCENARIOS } from "./all.ts";
import { chooseScenarios } from "./choice.ts";
import { SCENARIO_GROUPS } from "./scenario.ts";

const names = (chosen: readonly { readonly name: string }[]) => chosen.map(({ name }) => name);

Deno.test("names of scenarios are different from each other and from those of groups", () => {
  const all = [...names(SCENARIOS), ...SCENARIO_GROUPS];
  assert.equal(new Set(all).size, all.length);
  for (const name of all) assert.match(name, /^[a-z][a-z0-9-]*$/);
});

Deno.test("a group stands for its scenarios, and each is run once", () => {
  const limits = names(SCENARIOS.filter(({ group }) => group === "limits"));
  assert.ok(limits.length > 1);
  assert.deepEqual(names(chooseScenarios(["limits"])), limits);
  assert.deepEqual(names(chooseScenarios([limits[1]!, "limits", limits[1]!])), limits);
  assert.deepEqual(names(chooseScenarios([], { all: true })), names(SCENARIOS));
  assert.deepEqual(chooseScenarios([]), []);
});

Deno.test("an unknown name is wrong usage, with what was probably meant", () => {
  assert.throws(() => chooseScenarios(["agent-kiled"]), (error: Error) => {
    assert.ok(error instanceof LabUsageError);
    assert.match(error.message, /"agent-kiled".*did you mean "agent-killed"\?/);
    return true;
  });
  assert.throws(() => chooseScenarios(["throughput", "xyz"]), /--list/);
});
