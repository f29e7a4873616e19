import type { BypathLab } from "../bypath_lab.ts";
import type { InspectedStatus } from "../inspect_json.ts";
import type { LabProcess } from "../lab_process.ts";
import { formatCount } from "../terminal.ts";
import { ADDRESSES } from "../topology.ts";
import { waitFor } from "../wait.ts";
import type { Scenario } from "./scenario.ts";

const EACH = 20;

/** Hostile bytes are ordinary input. */
export const malformedPackets: Scenario = {
  name: "malformed-packets",
  group: "limits",
  description:
    "frames of every malformed kind: dropped, counted by reason, and nothing else happens",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat();
    const sender = await startSender(lab);
    const { kinds } = JSON.parse(await sender.waitForLine((line) => line.includes('"ready"'))) as {
      kinds: number;
    };
    const start = await dropped(lab);
    const rows: string[][] = [];
    const wrong: string[] = [];
    let before = start;
    for (let i = 0; i < kinds; i++) {
      const mark = sender.stdout.seen;
      sender.kill("SIGUSR2");
      const line = await sender.waitForLine((line) => line.includes('"sent"'), { after: mark });
      const { kind } = JSON.parse(line) as { kind: string };
      const after = await countedAfter(lab, before);
      const increases = Object.entries(after)
        .filter(([reason, count]) => count > (before[reason] ?? 0))
        .map(([reason, count]) => `${reason} ${count - (before[reason] ?? 0)}`);
      if (total(after) - total(before) !== EACH) wrong.push(kind);
      rows.push([kind, `${EACH}`, increases.join(", ")]);
      before = after;
    }
    report.table(["kind", "sent", "counted as"], rows);
    report.figure("kinds", kinds);
    report.check(
      `${kinds} kinds, ${EACH} frames of each: each frame is counted once, under a reason`,
      wrong.length === 0,
      `not so: ${wrong.join(", ")}`,
    );
    const status = await lab.status();
    report.check("they made no session", status.sessions.total === 0, `${status.sessions.total}`);
    report.check("the NAT machine goes on", lab.nat.running && status.ready);
    const result = await lab.download({ bytes: 50_000_000 }).result();
    report.check(
      `a download afterwards: ${formatCount(result.bytes)} bytes, SHA-256 right`,
      result.ok,
    );
  },
};

/** Frames come from the router's interface, as if the network had brought them. */
async function startSender(lab: BypathLab): Promise<LabProcess> {
  const links = JSON.parse(
    await lab.lab.mustRun("nat", ["ip", "-j", "link", "show", "dev", "eth0"]),
  ) as [{ address: string }];
  return lab.startSelf("router", [
    ...["lab", "traffic", "send-malformed", "--device", "eth1", "--to", links[0].address],
    ...["--client", `${ADDRESSES.client}:40000`, "--vip", `${ADDRESSES.vip}:80`],
    ...["--count", `${EACH}`],
  ]);
}

/** The counts when all frames of a kind are in them, or after a second. */
async function countedAfter(
  lab: BypathLab,
  before: Record<string, number>,
): Promise<Record<string, number>> {
  const all = async () => {
    const now = await dropped(lab);
    return total(now) - total(before) >= EACH && now;
  };
  return await waitFor("the frames to be counted", all, { timeoutMs: 1_000, everyMs: 20 })
    .catch(() => dropped(lab));
}

/** Drops by reason; those of malformed packets in detail. */
async function dropped(lab: BypathLab): Promise<Record<string, number>> {
  const { packets, malformed } = await lab.ask<
    InspectedStatus & { malformed?: Record<string, number> }
  >("status");
  if (malformed === undefined) return { ...packets.dropped };
  const { malformed: _total, ...others } = packets.dropped;
  const counts: Record<string, number> = { ...others };
  for (const [reason, count] of Object.entries(malformed)) {
    counts[reason] = (counts[reason] ?? 0) + count;
  }
  return counts;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
