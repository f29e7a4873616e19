import { impairDirectPath, LARGE_BYTES } from "../../impairments/direct_path.ts";
import { faultScenario, pause } from "./fault_story.ts";

/** A link that carries only small packets, and a firewall that eats the ICMP errors about it. */
export const pathDropsLarge = faultScenario({
  name: "path-drops-large",
  description: `the direct path loses packets larger than ${LARGE_BYTES} bytes, and tells nobody`,
  needs: ["nft"],
  async fault(scene) {
    const { lab, report, traffic, brief } = scene;
    await using fault = await impairDirectPath(lab.lab, "drops-large");
    await traffic.moving();
    await pause(brief ? 2_000 : 20_000);
    await traffic.moving();
    report.check("the path lost packets", await fault.dropped() > 0);
  },
});
