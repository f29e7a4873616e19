import assert from "node:assert/strict";
import { BypathLab } from "../../../lab/bypath_lab.ts";
import type { InspectedStatus } from "../../../lab/inspect_json.ts";
import type { LabProcess } from "../../../lab/lab_process.ts";
import type { NodeName } from "../../../lab/topology.ts";
import { waitFor } from "../../../lab/wait.ts";

const DOWNLOAD_BYTES = 30_000_000;
/** Memory that a daemon may have taken on by the end. */
const ALLOWED_GROWTH_BYTES = 150 * 1024 * 1024;
/** Longer than fragments are kept and packets wait for a link address. */
const QUIET_MS = 2_500;

export interface LabFuzzOptions {
  readonly frames: number;
  readonly seed: number;
}

export interface LabFuzzResult {
  readonly sent: number;
  /** Of those, addressed to the NAT machine. */
  readonly forNat: number;
  readonly downloads: number;
  readonly seconds: number;
  readonly nat: Accounts;
  readonly agent: Accounts;
  /** Growth of resident memory, in bytes. */
  readonly natGrowth: number;
  readonly agentGrowth: number;
}

/** What a daemon counted since the frames began. */
interface Accounts {
  readonly received: number;
  readonly accounted: number;
  readonly dropped: Readonly<Record<string, number>>;
}

interface Status extends InspectedStatus {
  readonly device?: string;
  readonly packets: InspectedStatus["packets"] & {
    readonly answered?: number;
    readonly direct?: number;
    readonly viaNat?: number;
  };
}

interface Sent {
  readonly sent: number;
  readonly failed: number;
  readonly forNat: number;
}

/**
 * Hostile frames at real daemons: from the clients' side and from the servers' side at a NAT machine,
 * and into the tun device of an agent, while ordinary downloads go on. The downloads' hashes are right,
 * the daemons live, their counters account for every packet that they took, their memory is bounded.
 *
 * @throws {Error} when any of that is not so
 */
export async function fuzzLab({ frames, seed }: LabFuzzOptions): Promise<LabFuzzResult> {
  await using lab = await BypathLab.up();
  await lab.startServers();
  await lab.startNat((config) => {
    for (const { bypass } of config.services) bypass!.start = { packets: 3 };
  });
  await lab.startAgents();
  assert.ok((await lab.download({ bytes: DOWNLOAD_BYTES }).result()).ok, "the first download");

  const daemons = [lab.nat, lab.agent("s1"), lab.agent("s2")];
  const memory = daemons.map(residentBytes);
  const before = await Promise.all([lab.ask<Status>("status"), lab.ask<Status>("status", "s1")]);
  const startedMs = performance.now();
  const senders = [
    sender(lab, "router", ["client", "eth1", await macOf(lab, "eth0"), frames * 0.6, seed]),
    sender(lab, "s2", ["server", "eth0", await macOf(lab, "eth1"), frames * 0.25, seed + 1]),
    sender(lab, "s1", ["tun", before[1].device!, "-", frames * 0.15, seed + 2]),
  ];
  const reports = Promise.all(senders.map(async (process) => {
    const lines = await process.finish(3_600_000);
    return JSON.parse(lines.at(-1)!) as Sent;
  }));
  let isSending = true;
  reports.then(() => isSending = false, () => isSending = false);
  let downloads = 0;
  while (isSending || downloads === 0) {
    const result = await lab.download({ bytes: DOWNLOAD_BYTES }).result();
    assert.ok(result.ok, `download ${downloads} under fire: ${JSON.stringify(result)}`);
    downloads++;
  }
  const [client, server, tun] = await reports;
  const seconds = (performance.now() - startedMs) / 1000;
  for (const daemon of daemons) daemon.mustRun();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));

  const nat = await settled(lab, "nat", before[0]);
  const agent = await settled(lab, "s1", before[1]);
  const forNat = client!.forNat + server!.forNat;
  assert.ok(nat.received >= forNat, `${nat.received} received of ${forNat} frames for it`);
  assert.ok(agent.received >= tun!.sent, `${agent.received} received of ${tun!.sent} by the agent`);
  const growth = daemons.map((daemon, i) => residentBytes(daemon) - memory[i]!);
  for (const bytes of growth) {
    assert.ok(bytes < ALLOWED_GROWTH_BYTES, `a daemon grew by ${bytes} bytes`);
  }
  for (const daemon of daemons) {
    const complaint = daemon.stderr.lines.find((line) => /\b\w*Error\b|Uncaught|panic/.test(line));
    assert.equal(complaint, undefined);
  }
  assert.ok((await lab.download({ bytes: DOWNLOAD_BYTES }).result()).ok, "the last download");
  return {
    sent: client!.sent + server!.sent + tun!.sent,
    forNat,
    downloads,
    seconds,
    nat,
    agent,
    natGrowth: growth[0]!,
    agentGrowth: growth[1]!,
  };
}

/** The counters, once every packet received is in another one too. */
async function settled(lab: BypathLab, who: "nat" | "s1", before: Status): Promise<Accounts> {
  const read = async () => {
    const after = await lab.ask<Status>("status", who);
    const dropped: Record<string, number> = {};
    for (const [reason, count] of Object.entries(after.packets.dropped)) {
      const more = count - (before.packets.dropped[reason] ?? 0);
      if (more > 0) dropped[reason] = more;
    }
    const out = ({ packets }: Status) =>
      (packets.forwarded ?? 0) + (packets.answered ?? 0) + (packets.direct ?? 0) +
      (packets.viaNat ?? 0);
    const accounted = out(after) - out(before) +
      Object.values(dropped).reduce((sum, count) => sum + count, 0);
    return { received: after.packets.received - before.packets.received, accounted, dropped };
  };
  try {
    return await waitFor("every packet to be accounted for", async () => {
      const accounts = await read();
      return accounts.received === accounts.accounted && accounts;
    }, { timeoutMs: 5_000, everyMs: 50 });
  } catch (cause) {
    throw new Error(`Not accounted for by ${who}: ${JSON.stringify(await read())}`, { cause });
  }
}

function sender(
  lab: BypathLab,
  node: NodeName,
  args: readonly (string | number)[],
): LabProcess {
  const script = new URL("./send_frames.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", script];
  return lab.lab.start(node, [...command, ...args.map((arg) => `${arg}`)]);
}

async function macOf(lab: BypathLab, device: string): Promise<string> {
  return (await lab.lab.mustRun("nat", ["cat", `/sys/class/net/${device}/address`])).trim();
}

function residentBytes({ pid }: LabProcess): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
