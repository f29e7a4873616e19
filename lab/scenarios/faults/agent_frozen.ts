import type { NatYaml } from "../../lab_files.ts";
import type { Scenario, ScenarioOptions } from "../scenario.ts";
import { checkAllViaNat, faultScenario, HANG_LIMIT_MS, pause } from "./fault_story.ts";

/** A frozen agent holds its device and answers nothing: somebody else has to notice. */
function agentFrozen(
  seconds: number,
  form: {
    readonly briefSeconds: number;
    configureNat?(config: NatYaml, options: ScenarioOptions): void;
  },
): Scenario {
  const { briefSeconds, configureNat } = form;
  return faultScenario({
    name: `agent-frozen-${seconds}`,
    description: `SIGSTOP of an agent for ${seconds} s: its sessions go on by the NAT machine`,
    ...(configureNat && { configureNat }),
    async fault(scene) {
      const agent = scene.lab.agent("s1");
      const frozenAt = performance.now();
      agent.kill("SIGSTOP");
      await checkAllViaNat(scene, "s1");
      const frozenMs = (scene.brief ? briefSeconds : seconds) * 1000;
      await pause(frozenMs - (performance.now() - frozenAt));
      const states = await scene.traffic.now();
      const still = states.filter((state) => state.stillMs > HANG_LIMIT_MS);
      scene.report.check(
        "every flow moves while the agent is still frozen",
        still.length === 0,
        still.map(({ name, stillMs }) => `${name}: silent for ${stillMs} ms`).join(", "),
      );
      agent.kill("SIGCONT");
      // What came to the agent's device before anybody noticed may be gone with it.
      return { lost: (flow) => HANG_LIMIT_MS / 1000 * flow.rate };
    },
  });
}

/** Shorter than a lease. */
export const agentFrozen5 = agentFrozen(5, { briefSeconds: 5 });

/** Longer than a lease, in brief with a shorter one. */
export const agentFrozen60 = agentFrozen(60, {
  briefSeconds: 6,
  configureNat(config, { brief }) {
    if (brief && config.control) config.control.lease = "3s";
  },
});
