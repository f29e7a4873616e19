import { formatDuration } from "../../terminal.ts";
import { checkSessionsKept, faultScenario, keepDatagrams, liveSessions } from "./fault_story.ts";

/** The session table is a mapped file: the next process goes on with it. */
export const natKilled = faultScenario({
  name: "nat-killed",
  description: "kill -9 of the NAT machine and a start at once: every session goes on",
  configureNat: keepDatagrams,
  async fault(scene) {
    const { lab, report } = scene;
    const before = await liveSessions(scene);
    const killedAt = performance.now();
    lab.nat.kill("SIGKILL");
    await lab.nat.ended;
    await lab.restartNat();
    const downMs = performance.now() - killedAt;
    report.figure("downMs", Math.round(downMs));
    report.say(`A new process translates ${formatDuration(downMs)} after the kill`);
    await checkSessionsKept(scene, before);
    return { blockedMs: () => downMs };
  },
});
