import { formatDuration } from "../../terminal.ts";
import {
  checkSessionsKept,
  faultScenario,
  keepDatagrams,
  liveSessions,
  pause,
} from "./fault_story.ts";

export const natTakeover = faultScenario({
  name: "nat-takeover",
  description:
    "a new NAT process takes over from the running one: not a datagram is lost or doubled",
  configureNat: keepDatagrams,
  async fault(scene) {
    const { lab, report, brief } = scene;
    const before = await liveSessions(scene);
    for (let round = 1; round <= (brief ? 1 : 3); round++) {
      const started = performance.now();
      await lab.takeOverNat();
      report.say(
        `Takeover ${round}: done ${formatDuration(performance.now() - started)} after the start ` +
          `of the new process`,
      );
      await checkSessionsKept(scene, before);
      await pause(1_000);
    }
    return { lost: () => 0 };
  },
});
