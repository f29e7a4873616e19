import type { InspectedInstruction } from "../../inspect_json.ts";
import type { LabProcess } from "../../lab_process.ts";
import { FLOW_PORT } from "../../ports.ts";
import { formatCount, formatDuration } from "../../terminal.ts";
import { ADDRESSES } from "../../topology.ts";
import type { FlowsEvent } from "../../traffic/checked_flows.ts";
import type { FlowPlan } from "../../traffic/flow.ts";
import { faultScenario, type FaultScene, HANG_LIMIT_MS } from "./fault_story.ts";

/** Installed and stopped a second. */
const RATE = 1_000;
const SESSIONS = 500;
/** Bytes a second of each session: a few packets, so that each is soon seen after every start. */
const SESSION_RATE = 12_000;
const PORT = 95;
const SERVER_PORT = FLOW_PORT + 5;

/**
 * A thousand instructions a second are installed, and as many stopped: hundreds of downloads, all of
 * them stopped and started twice a second, beside the checked traffic.
 */
export const instructionChurn = faultScenario({
  name: "instruction-churn",
  description: `${formatCount(RATE)} instructions installed and stopped a second, under traffic`,
  configureNat(config) {
    const like = config.services.find(({ name }) => name === "flow")!;
    const servers = [{ address: ADDRESSES.s1, port: SERVER_PORT }];
    config.services.push({ ...like, name: "churn", port: PORT, servers });
  },
  async fault(scene) {
    const { lab, report, brief } = scene;
    const sessions = brief ? SESSIONS / 5 : SESSIONS;
    // A program of its own: what it takes to serve hundreds is no pause of the checked traffic.
    const listen = `${ADDRESSES.s1}:${SERVER_PORT}`;
    const server = lab.startTraffic("s1", "flow-server", "--listen", listen);
    await server.waitForLine((line) => line.includes('"event":"listening"'));
    const clients = await startDownloads(scene, sessions);
    const before = await newestGeneration(scene);
    const began = performance.now();
    const forMs = brief ? 6_000 : 60_000;
    const periodMs = 1000 * SESSIONS / RATE;
    const stops: number[] = [];
    for (let i = 1; performance.now() - began < forMs; i++) {
      const asked = performance.now();
      await lab.switchBypass("stop");
      stops.push(performance.now() - asked);
      await lab.switchBypass("start");
      const leftMs = began + i * periodMs - performance.now();
      if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
    const seconds = (performance.now() - began) / 1000;
    const installed = await newestGeneration(scene) - before;
    const flows = await finishDownloads(clients);
    await server.stop();

    const rate = installed / seconds;
    const wanted = sessions / SESSIONS * RATE;
    const slowest = Math.max(...stops);
    report.figure("instructions", installed);
    report.figure("perSecond", Math.round(rate));
    report.figure("longestStopMs", Math.round(slowest));
    report.check(
      `${formatCount(installed)} instructions were installed and stopped in ` +
        `${seconds.toFixed(1)} s, ${formatCount(rate)} a second`,
      rate > wanted * REACHED_SHARE,
      `${formatCount(wanted)} were meant`,
    );
    report.check(
      `every stop of all of them was acknowledged, after ${formatDuration(slowest)} at most`,
      slowest < HANG_LIMIT_MS,
    );
    const bad = flows.filter((flow) => !flow.complete || flow.wrong > 0);
    const bytes = flows.reduce((sum, flow) => sum + flow.bytes, 0);
    report.check(
      `every byte of ${formatCount(sessions)} downloads arrived (${formatCount(bytes)} bytes)`,
      bad.length === 0,
      `${bad.length} not, the first: ${bad[0]?.error ?? `${bad[0]?.wrong} pieces wrong`}`,
    );
    const longest = Math.max(...flows.map((flow) => flow.longestPauseMs));
    report.check(
      `none of them paused for longer than ${formatDuration(longest)}`,
      longest < HANG_LIMIT_MS,
    );
  },
});

/** A host that is busy with other things may be slower than the plan. */
const REACHED_SHARE = 0.5;

async function startDownloads({ lab }: FaultScene, count: number): Promise<LabProcess> {
  const plan = Array.from({ length: count }, (_, i): FlowPlan => ({
    name: `${i}`,
    kind: "download",
    to: `${ADDRESSES.vip}:${PORT}`,
    rate: SESSION_RATE,
    seed: i + 1,
  }));
  const file = `${lab.folder}/churn.json`;
  await Deno.writeTextFile(file, JSON.stringify(plan));
  const clients = lab.startTraffic("client", "checked-flows", file);
  await clients.waitForLine((line) => line.startsWith('{"event":"open"'), { timeoutMs: 60_000 });
  clients.kill("SIGUSR1");
  await clients.waitForLine((line) => line.startsWith('{"event":"marked"'), { timeoutMs: 60_000 });
  return clients;
}

async function finishDownloads(clients: LabProcess): Promise<FlowsEvent["flows"]> {
  clients.kill("SIGUSR2");
  const isDone = (line: string) => line.startsWith('{"event":"done"');
  const line = await clients.waitForLine(isDone, { timeoutMs: 60_000 });
  return (JSON.parse(line) as FlowsEvent).flows;
}

/** Generations count every instruction that was ever sent; the newest is that of a live one. */
async function newestGeneration({ lab }: FaultScene): Promise<number> {
  const instructions = await lab.ask<InspectedInstruction[]>("instructions");
  return Math.max(0, ...instructions.map(({ generation }) => generation));
}
