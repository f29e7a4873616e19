import { ask } from "../../../lib/control/admin_client.ts";
import type { LoggedEvent } from "../../../lib/control/event_log.ts";
import { issueKeys } from "../../../lib/control/keys.ts";
import type { BypathLab } from "../../bypath_lab.ts";
import type { InspectedStatus } from "../../inspect_json.ts";
import { CONTROL_PORT } from "../../lab_files.ts";
import { formatDuration } from "../../terminal.ts";
import { ADDRESSES } from "../../topology.ts";
import { type Flood, FLOODS } from "../../traffic/control_flood.ts";
import { faultScenario, type FaultScene, HANG_LIMIT_MS } from "./fault_story.ts";

const FLOODER = { name: "flooder", address: "10.0.0.99" } as const;
/** What the NAT machine may take more than before, in MiB: its own limits, and garbage not collected yet. */
const MEMORY_LIMIT_MIB = 300;
const KEPT_EVENTS = 4096;
/** Of the same kind about the same agent. */
const EVENTS_LIMIT = 60;

/** What was seen during one flood. */
interface Seen {
  readonly flood: Flood;
  readonly longestStopMs: number;
  readonly memoryMiB: number;
  readonly sent: {
    readonly connections: number;
    readonly messages: number;
    readonly bytes: number;
  };
}

/** An agent is trusted with its own sessions, and with nothing of the NAT machine's time and memory. */
export const reportFlood = faultScenario({
  name: "report-flood",
  description:
    "an agent with a valid certificate floods the NAT machine, in nine ways: others do not notice",
  async prepare(lab) {
    const { name, address } = FLOODER;
    await issueKeys(lab.folder, { name, addresses: [address], role: "agent" });
  },
  async fault(scene) {
    const { lab, report, brief } = scene;
    const before = await residentMiB(lab);
    const seen: Seen[] = [];
    for (const [i, flood] of FLOODS.entries()) {
      // The first for longer than an agent's share lasts.
      seen.push(await endure(scene, flood, brief && i > 0 ? 1_000 : 6_000));
    }
    report.table(
      ["flood", "connections", "messages", "MB sent", "longest stop", "memory, MiB"],
      seen.map(({ flood, sent, longestStopMs, memoryMiB }) => [
        flood,
        `${sent.connections}`,
        `${sent.messages}`,
        (sent.bytes / 1e6).toFixed(1),
        formatDuration(longestStopMs),
        `${memoryMiB}`,
      ]),
    );
    const longestStopMs = Math.max(...seen.map((each) => each.longestStopMs));
    const memoryMiB = Math.max(...seen.map((each) => each.memoryMiB));
    report.figure("longestStopMs", Math.round(longestStopMs));
    report.figure("memoryBeforeMiB", before);
    report.figure("memoryMiB", memoryMiB);
    report.check(
      `the other agents acknowledged every stop meanwhile, after ` +
        `${formatDuration(longestStopMs)} at most`,
      longestStopMs < HANG_LIMIT_MS,
    );
    report.check(
      `the NAT machine's memory: ${before} MiB before, ${memoryMiB} MiB at most`,
      memoryMiB - before < MEMORY_LIMIT_MIB,
    );
    await checkLog(scene);
  },
});

/** Floods for a while, with bypasses stopped and started all the time. */
async function endure({ lab, report }: FaultScene, flood: Flood, forMs: number): Promise<Seen> {
  const { name, address } = FLOODER;
  const process = lab.startTraffic(
    ...["s2", "control-flood", `${ADDRESSES.nat}:${CONTROL_PORT}`] as const,
    ...["--keys", lab.folder, "--agent", name, "--address", address],
    ...["--flood", flood, "--for-ms", `${forMs}`],
  );
  let longestStopMs = 0;
  let memoryMiB = 0;
  while (process.running) {
    const asked = performance.now();
    await lab.switchBypass("stop").catch((error) => {
      report.check(`a stop during ${flood} is acknowledged`, false, (error as Error).message);
    });
    longestStopMs = Math.max(longestStopMs, performance.now() - asked);
    await lab.switchBypass("start");
    memoryMiB = Math.max(memoryMiB, await residentMiB(lab));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const sent = JSON.parse((await process.finish()).at(-1) ?? "{}");
  return { flood, longestStopMs, memoryMiB, sent };
}

/** What happened is counted and told, and has not driven everything else out of the log. */
async function checkLog({ lab, report }: FaultScene): Promise<void> {
  const { control } = await lab.ask<InspectedStatus>("status");
  // On a busy host the flooder may not get far enough to be held back.
  report.figure("heldBack", control.heldBack);
  report.check(
    `counted: ${control.refused} connections refused, ${control.heldBack} times an agent held back`,
    control.refused > 0,
  );
  const all = { verb: "events", limit: KEPT_EVENTS };
  const events = await ask(lab.socketOf("nat"), all) as LoggedEvent[];
  const lost = events.filter(({ type, agent }) => type === "agent-lost" && agent !== FLOODER.name);
  report.check("no other agent was lost", lost.length === 0, JSON.stringify(lost[0]));
  const told = Map.groupBy(
    events.filter(({ agent, from }) => agent === FLOODER.name || from !== undefined),
    ({ type, agent }) => `${type} ${agent}`,
  );
  const loudest = Math.max(0, ...[...told.values()].map((each) => each.length));
  report.check(
    `the log tells of it ${loudest} times for each kind at most`,
    loudest > 0 && loudest <= EVENTS_LIMIT,
  );
}

async function residentMiB(lab: BypathLab): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${lab.nat.pid}/status`);
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) >> 10;
}
