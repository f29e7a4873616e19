import assert from "node:assert/strict";
import type { NatConfig } from "../config/nat_config.ts";
import { applyReload, type ReloadTargets } from "./reload.ts";
import type { InForce, ReloadPlan } from "./reload_plan.ts";

const AFTER: InForce = { config: {} as NatConfig, identity: null };
const PLAN: ReloadPlan = { lines: ["something"], fixed: [], control: true };
const STEPS = ["routes", "announce", "agents", "metrics", "worker"] as const;
type Step = typeof STEPS[number];

/** A machine that is nothing but what was done to it and not taken back. */
class Machine {
  readonly done: string[] = [];

  targets(failing?: Step): ReloadTargets {
    const step = (name: Step) => {
      if (name === failing) throw new Error(`${name} failed`);
      this.done.push(name);
      return () => {
        assert.equal(this.done.pop(), name, "taken back in reverse order");
      };
    };
    return {
      addRoutes: () => step("routes"),
      announce: () => step("announce"),
      receiveAgents: () => Promise.resolve().then(() => step("agents")),
      serveMetrics: () => Promise.resolve().then(() => step("metrics")),
      translate: () => Promise.resolve().then(() => void step("worker")),
      switch: () => this.done.push("switch"),
    };
  }
}

for (const failing of STEPS) {
  Deno.test(`a reload that fails with its ${failing} leaves everything as it was`, async () => {
    const machine = new Machine();
    const reload = applyReload(machine.targets(failing), AFTER, PLAN);
    await assert.rejects(reload, { message: `${failing} failed` });
    assert.deepEqual(machine.done, []);
  });
}

Deno.test("a reload that succeeds ends with what cannot fail", async () => {
  const machine = new Machine();
  await applyReload(machine.targets(), AFTER, PLAN);
  assert.deepEqual(machine.done, [...STEPS, "switch"]);
});

Deno.test("agents are received as before unless the control section changes", async () => {
  const machine = new Machine();
  await applyReload(machine.targets("agents"), AFTER, { ...PLAN, control: false });
  assert.deepEqual(machine.done, ["routes", "announce", "metrics", "worker", "switch"]);
});
