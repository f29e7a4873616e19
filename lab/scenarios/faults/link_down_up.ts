import { formatDuration } from "../../terminal.ts";
import { restoreNode } from "../../restore_node.ts";
import { faultScenario, pause } from "./fault_story.ts";

/**
 * So long may the kernel take to believe in a carrier that is back: without any of us it is a second
 * before packets pass again.
 */
const CARRIER_MS = 1_000;

/** The cable first, then the interface itself, with which its routes go. */
export const linkDownUp = faultScenario({
  name: "link-down-up",
  description: "a server's interface loses its carrier, then goes down and up: sessions go on",
  async fault(scene) {
    const { lab: { lab }, report, traffic } = scene;
    const downMs = scene.brief ? 1_000 : 2_000;
    const unpluggedMs = await duration(async () => {
      await lab.mustRun("switch", ["ip", "link", "set", "dev", "s1", "down"]);
      await pause(downMs);
      await lab.mustRun("switch", ["ip", "link", "set", "dev", "s1", "up"]);
    });
    report.say(`Carrier lost for ${formatDuration(unpluggedMs)}`);
    await traffic.moving();
    const downedMs = await duration(async () => {
      await lab.mustRun("s1", ["ip", "link", "set", "dev", "eth0", "down"]);
      await pause(downMs);
      // The kernel dropped the routes of the interface: what set them before does so again.
      await restoreNode(lab, "s1");
    });
    report.say(`Interface down for ${formatDuration(downedMs)}`);
    const blockedMs = Math.max(unpluggedMs + CARRIER_MS, downedMs);
    return {
      blockedMs: (flow) => flow.server === "s1" ? blockedMs : 0,
      // Two outages, one after the other.
      lost: (flow) => (unpluggedMs + CARRIER_MS + downedMs + 500) / 1000 * flow.rate,
    };
  },
});

async function duration(body: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await body();
  return performance.now() - started;
}
