import { between, natShare, readRoads } from "../roads.ts";
import { formatCount, formatDuration, formatShare } from "../terminal.ts";
import { ADDRESSES } from "../topology.ts";
import type { Scenario } from "./scenario.ts";

/** The kernel removes the dead agent's device and route: the next response goes via NAT. */
export const killAgent: Scenario = {
  name: "kill-agent",
  description: "kill -9 of the agent in the middle of downloads: they go on by the NAT machine",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat((config) => {
      const web = config.services[0]!;
      web.servers = web.servers.filter((server) => server.address === ADDRESSES.s1);
    });
    for (const rate of [50_000_000, undefined]) {
      await lab.startAgent("s1");
      const bytes = rate === undefined ? 4_000_000_000 : 150_000_000;
      const verify = rate === undefined ? "pages" : "sha256";
      const download = lab.download({ bytes, verify, ...(rate !== undefined && { rate }) });
      await download.reached(bytes / 10);
      const bypassing = await readRoads(lab.lab);
      await download.reached(bytes * 0.4);
      const before = between(bypassing, await readRoads(lab.lab));
      const agent = lab.agent("s1");
      agent.kill("SIGKILL");
      await agent.ended;
      const killed = await readRoads(lab.lab);
      const result = await download.result();
      const after = between(killed, await readRoads(lab.lab));

      const speed = rate === undefined ? "at full speed" : "at 50 MB/s";
      report.say(`Download of ${formatCount(bytes)} bytes ${speed}`);
      report.check(
        `every byte arrived, in ${formatDuration(result.ms)}`,
        result.ok,
        `${formatCount(result.bytes)} bytes, ${result.misplacedPages} pages misplaced`,
      );
      report.check(
        `NAT machine's share of the responses: ${formatShare(natShare(before))} before the kill, ` +
          `${formatShare(natShare(after))} after it`,
        natShare(before) < 0.01 && natShare(after) > 0.99,
      );
      report.check(
        `longest moment without a new byte at the client: ${formatDuration(result.longestPauseMs)}`,
        result.longestPauseMs < 3_000,
      );
      await lab.stopAgent("s1");
    }
  },
};
