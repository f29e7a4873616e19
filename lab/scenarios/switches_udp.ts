import { formatCount } from "../terminal.ts";
import type { Scenario } from "./scenario.ts";
import { switchBackAndForth } from "./switcher.ts";

const SWITCHES = 200;
const RATE = 2_000;
const DATAGRAMS = 60_000;

export const switchesUdp: Scenario = {
  name: "switches-udp",
  group: "paths",
  description: "200 switches between the paths during a UDP stream: no datagram lost",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat();
    await lab.startAgents();
    const stream = lab.stream({ count: DATAGRAMS, rate: RATE });
    await stream.process.waitForLine((line) =>
      line.includes('"event":"progress"') && (JSON.parse(line).received as number) > 500
    );
    let over = false;
    const result = stream.result().finally(() => over = true);
    const switching = await switchBackAndForth(lab, {
      switches: SWITCHES,
      over: () => over,
      holdMs: 20,
    });
    const { received, missing, duplicates, reordered, corrupted, strangers } = await result;
    report.facts([
      ["datagrams received", formatCount(received)],
      ["missing", formatCount(missing)],
      ["duplicates", formatCount(duplicates)],
      ["out of order", formatCount(reordered)],
    ]);
    report.figure("switches", switching.switches);
    report.figure("missing", missing);
    report.figure("reordered", reordered);
    report.check(
      `${switching.switches} switches while the stream ran`,
      switching.switches >= SWITCHES,
      `the stream of ${formatCount(DATAGRAMS)} was over before`,
    );
    report.check("every datagram arrived", missing === 0, `${missing} missing`);
    report.check("none arrived twice", duplicates === 0, `${duplicates} twice`);
    report.check(
      "every hash is right, and all came from the VIP",
      corrupted === 0 && strangers === 0,
      `${corrupted} corrupted, ${strangers} from elsewhere`,
    );
  },
};
