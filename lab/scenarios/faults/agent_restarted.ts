import { checkAllViaNat, faultScenario, pause } from "./fault_story.ts";

export const agentRestarted = faultScenario({
  name: "agent-restarted",
  description: "an agent is ended in order and started again: nothing is lost, not even a datagram",
  async fault(scene) {
    await scene.lab.stopAgent("s1");
    await checkAllViaNat(scene, "s1");
    await pause(scene.brief ? 300 : 3_000);
    await scene.lab.startAgent("s1");
    return { lost: () => 0 };
  },
});
