import { type ControlFault, impairControlChannel } from "../../impairments/control_channel.ts";
import { type NatYaml, SERVER_NAMES, type ServerName } from "../../lab_files.ts";
import { WaitError, waitFor } from "../../wait.ts";
import type { ScenarioOptions } from "../scenario.ts";
import { checkAllViaNat, type FaultScene, pause } from "./fault_story.ts";

/** The clocks of the two sides are not compared: the NAT machine waits this much longer. */
const LAPSE_SLACK_MS = 3_000;

/** A lease short enough to be waited for; the default is 10 s. */
export function configureLease(config: NatYaml, options: ScenarioOptions): void {
  if (config.control) config.control.lease = `${leaseMs(options)}ms`;
}

function leaseMs({ brief }: ScenarioOptions): number {
  return brief ? 5_000 : 10_000;
}

/** Silence on the control channel until all leases are over, each side by its own clock, and then longer. */
export async function silenceUntilLapse(
  scene: FaultScene,
  direction: ControlFault["direction"],
): Promise<void> {
  const { lab, report, brief } = scene;
  await using fault = await impairControlChannel(lab.lab, { direction });
  for (const server of SERVER_NAMES) {
    await checkAllViaNat(scene, server, leaseMs(scene) + LAPSE_SLACK_MS);
    // The NAT machine counts on nothing from an agent that is silent; the agent goes by its lease.
    const held = await instructionsLeft(scene, server);
    report.check(`the agent of ${server} holds no instruction either`, held === 0, `${held} left`);
  }
  await pause(brief ? 500 : 5_000);
  const dropped = await fault.dropped();
  report.check(`${dropped} packets of the control channel were lost`, dropped > 0);
}

/** How many an agent still holds when all leases must be over. */
async function instructionsLeft(scene: FaultScene, server: ServerName): Promise<number> {
  let left = -1;
  await waitFor("the instructions to lapse", async () => {
    left = (await scene.lab.instructions(server)).length;
    return left === 0;
  }, { timeoutMs: leaseMs(scene) + LAPSE_SLACK_MS }).catch((error) => {
    if (!(error instanceof WaitError)) throw error;
  });
  return left;
}
