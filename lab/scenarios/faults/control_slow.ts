import { impairControlChannel } from "../../impairments/control_channel.ts";
import { ControlProxies } from "../../impairments/control_proxy.ts";
import { CONTROL_PROXY } from "../../lab_files.ts";
import { formatDuration } from "../../terminal.ts";
import { faultScenario } from "./fault_story.ts";

const DELAY_MS = 300;
const LOSS_PERCENT = 10;
/** An install that is not answered is sent again after a second; TCP mends losses in about that. */
const START_LIMIT_MS = 15_000;

/** All that happens by messages happens later; nothing that happens to packets waits for one. */
export const controlSlow = faultScenario({
  name: "control-slow",
  description: "every message 300 ms late and a tenth of the control channel's packets lost",
  needs: ["nft"],
  prepare: (lab) => ControlProxies.start(lab, { delayMs: DELAY_MS }),
  configureAgent: (config) => void (config.nat = [CONTROL_PROXY]),
  async fault({ lab, report, traffic, brief }) {
    await using fault = await impairControlChannel(lab.lab, {
      direction: "both",
      percent: LOSS_PERCENT,
    });
    const stops: number[] = [];
    const starts: number[] = [];
    for (let i = 0; i < (brief ? 3 : 15); i++) {
      const asked = performance.now();
      await lab.switchBypass("stop");
      stops.push(performance.now() - asked);
      await lab.switchBypass("start");
      starts.push(await traffic.bypassing({ timeoutMs: START_LIMIT_MS }));
    }
    const longest = (of: readonly number[]) => formatDuration(Math.max(...of));
    report.say(`${stops.length} times all bypasses were stopped and started again`);
    report.check(
      `a stop was acknowledged by every agent after ${longest(stops)} at most, all bypassed ` +
        `again after ${longest(starts)} at most`,
      Math.min(...stops) >= 2 * DELAY_MS,
      "a stop was acknowledged sooner than it can arrive and be answered",
    );
    report.figure("packetsLost", await fault.dropped());
    report.figure("longestStopMs", Math.round(Math.max(...stops)));
    report.figure("longestStartMs", Math.round(Math.max(...starts)));
  },
});
