/**
 * Every fault scenario of `lab run`, in brief. They mostly wait, so two are carried out at a time.
 */
import assert from "node:assert/strict";
import { runHost } from "../../lab/host_command.ts";
import type { ScenarioResult } from "../../lab/run_scenario.ts";
import { FAULT_SCENARIOS } from "../../lab/scenarios/faults/all.ts";
import { selfCommand } from "../../lib/datapath/self_command.ts";
import { rootTest } from "../support/root_test.ts";

const AT_ONCE = 2;

interface Outcome {
  readonly code: number;
  readonly result: ScenarioResult | null;
  readonly output: string;
}

/** Begins with the first test that asks, and goes on beside the tests. */
class Runs {
  readonly #outcomes = new Map<string, PromiseWithResolvers<Outcome>>();
  #begun = false;

  constructor(names: readonly string[]) {
    for (const name of names) this.#outcomes.set(name, Promise.withResolvers());
  }

  outcome(name: string): Promise<Outcome> {
    if (!this.#begun) {
      this.#begun = true;
      const names = [...this.#outcomes.keys()];
      for (let lane = 0; lane < AT_ONCE; lane++) this.#carryOut(names);
    }
    return this.#outcomes.get(name)!.promise;
  }

  async #carryOut(names: string[]): Promise<void> {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const lab = `faults-${Deno.pid}-${name.slice(0, 14).replace(/-$/, "")}`;
      const command = [...selfCommand(), "lab", "run", "--brief", "--json", "--name", lab, name];
      try {
        const { code, stdout, stderr } = await runHost(command);
        const result = stdout.startsWith("{") ? JSON.parse(stdout) as ScenarioResult : null;
        this.#outcomes.get(name)?.resolve({ code, result, output: stdout + stderr });
      } catch (error) {
        this.#outcomes.get(name)?.reject(error);
      }
    }
  }
}

const runs = new Runs(FAULT_SCENARIOS.map((scenario) => scenario.name));

Deno.test("docs/faults.md tells of every fault scenario", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/faults.md", import.meta.url));
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(rows, FAULT_SCENARIOS.map((scenario) => scenario.name));
});

for (const { name, description, needs = [] } of FAULT_SCENARIOS) {
  rootTest(`lab run --brief ${name}: ${description}`, {
    capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
    tools: ["ip", "ss", ...needs],
    timeoutMs: 240_000,
    // The next scenarios are at work beside this test.
    sanitize: false,
  }, async () => {
    const { code, result, output } = await runs.outcome(name);
    assert.ok(result !== null, output);
    const broken = result.checks.filter((check) => !check.holds);
    assert.deepEqual(broken, [], output);
    assert.equal(result.ok, true);
    assert.equal(code, 0);
    assert.ok(result.checks.length > 3, "a scenario of faults has checks");
  });
}
