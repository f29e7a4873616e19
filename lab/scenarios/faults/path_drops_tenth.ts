import { impairDirectPath } from "../../impairments/direct_path.ts";
import { faultScenario, pause } from "./fault_story.ts";

const LOST_SHARE = 0.1;

/** TCP copes with losses, slowly; whether such a path is given up is the NAT machine's to judge. */
export const pathDropsTenth = faultScenario({
  name: "path-drops-tenth",
  description: "the direct path loses one packet in ten: every byte arrives, nobody hangs",
  needs: ["nft"],
  async fault({ lab, report, traffic, brief }) {
    const impairedAt = performance.now();
    const fault = await impairDirectPath(lab.lab, "drops-tenth");
    await pause(brief ? 4_000 : 20_000);
    report.check("the path lost packets", await fault.dropped() > 0);
    const impairedMs = performance.now() - impairedAt;
    await fault.end();
    const rate = Math.max(
      ...traffic.flows.filter(({ kind }) => kind === "datagrams").map((flow) => flow.rate),
    );
    // UDP is not mended by anybody; a tenth, with room for chance.
    return { lost: () => Math.ceil(rate * impairedMs / 1000 * LOST_SHARE * 1.5) };
  },
});
