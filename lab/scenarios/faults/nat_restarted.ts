import { formatDuration } from "../../terminal.ts";
import { checkSessionsKept, faultScenario, keepDatagrams, liveSessions } from "./fault_story.ts";

export const natRestarted = faultScenario({
  name: "nat-restarted",
  description: "the NAT machine is ended in order and started again: every session goes on",
  configureNat: keepDatagrams,
  async fault(scene) {
    const { lab, report } = scene;
    const before = await liveSessions(scene);
    const stoppedAt = performance.now();
    await lab.stopNat();
    const endedMs = performance.now() - stoppedAt;
    await lab.restartNat();
    const downMs = performance.now() - stoppedAt;
    report.figure("downMs", Math.round(downMs));
    report.say(
      `It ended after ${formatDuration(endedMs)} and translated again ${formatDuration(downMs)} ` +
        `after SIGTERM`,
    );
    await checkSessionsKept(scene, before);
    return { blockedMs: () => downMs };
  },
});
