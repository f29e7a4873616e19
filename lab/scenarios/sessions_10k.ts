import { waitFor } from "../wait.ts";
import { formatCount, formatDuration } from "../terminal.ts";
import type { Scenario } from "./scenario.ts";

const SESSIONS = 10_000;
const LIMIT_MS = 2_000;

export const sessions10k: Scenario = {
  name: "sessions-10k",
  group: "limits",
  description: "10,000 sessions at once, held and shown in under 2 seconds",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat();
    await lab.startAgents();
    const client = lab.openSessions(SESSIONS);
    const opened = JSON.parse(
      await client.waitForLine((line) => line.includes('"event":"open"'), { timeoutMs: 120_000 }),
    ) as { open: number; failed: number; ms: number };
    report.check(
      `${formatCount(opened.open)} connections opened and answered in ${formatDuration(opened.ms)}`,
      opened.open === SESSIONS && opened.failed === 0,
      `${opened.failed} failed: ${client.stderr.lines[0] ?? ""}`,
    );

    const asked = performance.now();
    const sessions = await lab.sessions();
    const tookMs = performance.now() - asked;
    report.figure("inspectMs", Math.round(tookMs));
    const established = sessions.filter((session) => session.state === "established");
    report.check(
      `inspect sessions --json shows ${formatCount(sessions.length)} sessions in ` +
        formatDuration(tookMs),
      established.length >= SESSIONS && tookMs < LIMIT_MS,
      `${established.length} of them established`,
    );
    const distinct = new Set(sessions.map((session) => `${session.nat} ${session.server}`));
    report.check("each has a NAT endpoint of its own", distinct.size === sessions.length);

    const mark = client.stdout.seen;
    client.kill("SIGUSR2");
    const line = await client.waitForLine(
      (line) => line.includes('"event":"checked"'),
      { timeoutMs: 60_000, after: mark },
    );
    const checked = JSON.parse(line) as { ok: number };
    report.check(
      `all ${formatCount(checked.ok)} answer a second request`,
      checked.ok === SESSIONS,
      line,
    );
    await client.stop();
    await waitFor("the closed connections to be noticed", async () => {
      const left = await lab.sessions();
      return left.every((session) => session.state !== "established");
    });
    report.check("after closing none is shown as established", true);
  },
};
