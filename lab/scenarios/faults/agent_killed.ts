import { formatDuration } from "../../terminal.ts";
import { checkAllViaNat, faultScenario, pause } from "./fault_story.ts";

/** The kernel removes the dead agent's device and routes: the next response goes via NAT. */
export const agentKilled = faultScenario({
  name: "agent-killed",
  description:
    "kill -9 of an agent: its sessions go on by the NAT machine, then a new one bypasses",
  async fault(scene) {
    const agent = scene.lab.agent("s1");
    agent.kill("SIGKILL");
    await agent.ended;
    await checkAllViaNat(scene, "s1");
    await pause(scene.brief ? 500 : 5_000);
    const started = performance.now();
    await scene.lab.startAgent("s1");
    const tookMs = performance.now() - started;
    scene.report.say(`A new agent can bypass ${formatDuration(tookMs)} after its start`);
  },
});
