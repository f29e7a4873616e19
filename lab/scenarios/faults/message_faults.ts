import { ControlProxies } from "../../impairments/control_proxy.ts";
import { CONTROL_PROXY } from "../../lab_files.ts";
import { formatCount } from "../../terminal.ts";
import { faultScenario, pause } from "./fault_story.ts";

const MESSAGES = { lose: 0.1, double: 0.1, late: 0.2, lateMs: 400, seed: 1 } as const;

/**
 * TCP loses no message, so a proxy that ends TLS on both sides does it: whole messages of every kind
 * lost, doubled, late and overtaken, both ways, while bypasses are stopped and started.
 */
export const messageFaults = faultScenario({
  name: "message-faults",
  description: "control messages lost, doubled, late and overtaken, and connections cut meanwhile",
  prepare: (lab) => ControlProxies.start(lab, { messages: MESSAGES }),
  configureAgent: (config) => void (config.nat = [CONTROL_PROXY]),
  async fault({ lab, report, brief }, proxies) {
    proxies.beginFaults();
    const switches = brief ? 10 : 100;
    let unacknowledged = 0;
    for (let i = 0; i < switches; i++) {
      // A stop that nobody acknowledges fails; what was granted then lapses.
      await lab.switchBypass("stop").catch(() => unacknowledged++);
      await lab.switchBypass("start");
      await pause(400);
      if (i % 10 === 9) proxies.cut();
    }
    const { passed, lost, doubled, late } = await proxies.endFaults();
    report.check(
      `${formatCount(passed)} messages passed, ${formatCount(lost)} were lost, ` +
        `${formatCount(doubled)} doubled, ${formatCount(late)} late`,
      passed > 0 && lost > 0 && doubled > 0 && late > 0,
    );
    report.say(`${unacknowledged} of ${switches} stops were not acknowledged in time`);
    report.figure("stopsUnacknowledged", unacknowledged);
    // Nobody is told that it is over: what was harmed is mended by repetition or a new connection.
    proxies.cut();
  },
});
