import { impairDirectPath } from "../../impairments/direct_path.ts";
import { checkAllViaNat, faultScenario, HANG_LIMIT_MS, pause } from "./fault_story.ts";

/**
 * Nothing says that the packets are lost, and the server's kernel goes on sending. The clients'
 * acknowledgements, which still pass the NAT machine, stand still.
 */
export const pathDropsAll = faultScenario({
  name: "path-drops-all",
  description: "the direct path loses everything in silence: noticed, and back via NAT, within 3 s",
  needs: ["nft"],
  // A trial that fails doubles the pause before the next one.
  returnMs: 60_000,
  async fault(scene) {
    const { lab, report, traffic, brief } = scene;
    await using fault = await impairDirectPath(lab.lab, "drops-all");
    for (const server of ["s1", "s2"] as const) await checkAllViaNat(scene, server);
    await traffic.moving();
    await pause(brief ? 2_000 : 20_000);
    report.figure("packetsLost", await fault.dropped());
    // What UDP sends until the server's path is given up is lost, and nobody sends it again.
    const [stream] = traffic.flows.filter(({ kind }) => kind === "datagrams");
    return { lost: () => Math.ceil((stream?.rate ?? 0) * (HANG_LIMIT_MS + 500) / 1000) };
  },
});
