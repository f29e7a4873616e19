import { formatCount, formatDuration } from "../terminal.ts";
import type { Scenario } from "./scenario.ts";

const IDLE_SESSIONS = 100;

/** The session table is a mapped file: the next process goes on with it. */
export const killNat: Scenario = {
  name: "kill-nat",
  group: "faults",
  description: "kill -9 of the NAT machine and a restart within 3 s: every session goes on",
  async run(lab, report) {
    await lab.startServers();
    // "web" bypasses early; "slow" is a second VIP port whose sessions never do.
    await lab.startNat((config) => {
      const [web] = config.services;
      if (web === undefined) throw new Error("no service");
      config.services.push({ ...web, name: "never", port: 81, bypass: { start: { never: true } } });
    });
    await lab.startAgents();
    const idle = lab.openSessions(IDLE_SESSIONS);
    await idle.waitForLine((line) => line.includes('"event":"open"'), { timeoutMs: 60_000 });
    const bytes = 200_000_000;
    const downloads = [
      lab.download({ bytes, rate: 20_000_000, seed: 1 }),
      lab.download({ bytes, rate: 20_000_000, seed: 2, url: "http://203.0.113.10:81" }),
    ];
    await Promise.all(downloads.map((download) => download.reached(bytes / 4)));
    const clients = await Promise.all(downloads.map((download) => download.connected()));
    const before = await lab.sessions();
    const known = clients.map((client) => before.find((each) => each.client === client));
    report.say(
      `One download bypasses (${known[0]?.path}), one goes by way of the NAT machine ` +
        `(${known[1]?.path}), ${IDLE_SESSIONS} connections are idle.`,
    );

    const killedAt = performance.now();
    lab.nat.kill("SIGKILL");
    await lab.nat.ended;
    await lab.restartNat();
    const downMs = performance.now() - killedAt;
    report.figure("downMs", Math.round(downMs));
    report.check(
      `a new process translates ${formatDuration(downMs)} after the kill`,
      downMs < 3_000,
    );

    const after = await lab.sessions();
    const lost = before.filter((each) =>
      each.state === "established" &&
      !after.some(({ id, nat, server, client }) =>
        id === each.id && nat === each.nat && server === each.server && client === each.client
      )
    );
    report.check(
      `the new process knows all ${formatCount(before.length)} sessions with their endpoints`,
      lost.length === 0,
      `${lost.length} lost, the first: ${JSON.stringify(lost[0])}`,
    );
    for (const [index, download] of downloads.entries()) {
      const result = await download.result();
      report.check(
        `the download that went ${index === 0 ? "directly" : "by way of the NAT machine"} is ` +
          `complete, SHA-256 right, longest pause ${formatDuration(result.longestPauseMs)}`,
        result.ok,
        `${formatCount(result.bytes)} of ${formatCount(bytes)} bytes`,
      );
    }
    const mark = idle.stdout.seen;
    idle.kill("SIGUSR2");
    const checked = await idle.waitForLine(
      (line) => line.includes('"event":"checked"'),
      { timeoutMs: 60_000, after: mark },
    );
    report.check(
      `all ${IDLE_SESSIONS} idle connections answer`,
      (JSON.parse(checked) as { ok: number }).ok === IDLE_SESSIONS,
      checked,
    );
    await idle.stop();
    const again = await lab.download({ bytes: 1_000_000 }).result();
    report.check("a new session works as well", again.ok);
  },
};
