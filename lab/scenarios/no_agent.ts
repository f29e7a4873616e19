import { between, natShare, readRoads } from "../roads.ts";
import { formatCount, formatShare } from "../terminal.ts";
import type { Scenario } from "./scenario.ts";

/** Without instructions every response goes by way of the NAT machine. */
export const noAgent: Scenario = {
  name: "no-agent",
  group: "paths",
  description: "without agents every byte arrives by way of the NAT machine",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat();
    const bytes = 200_000_000;
    const before = await readRoads(lab.lab);
    const download = lab.download({ bytes, rate: 100_000_000 });
    await download.reached(bytes / 2);
    const session = await lab.sessionOf(await download.connected());
    const servers = await lab.servers();
    const result = await download.result();
    const roads = between(before, await readRoads(lab.lab));
    report.check(
      `${formatCount(result.bytes)} bytes arrived, SHA-256 as it left the server`,
      result.ok,
      `${formatCount(result.bytes)} bytes, SHA-256 ${result.sha256}`,
    );
    report.check(
      `${formatShare(natShare(roads))} of the response bytes crossed the NAT machine's link`,
      natShare(roads) > 0.99,
      `${formatCount(roads.direct)} bytes went directly`,
    );
    report.check(
      `inspect says: path nat, reason "${session?.reason}"`,
      session?.path === "nat" && session.instruction === null,
      JSON.stringify(session),
    );
    report.check(
      "inspect says of every server that no agent is connected",
      servers.length > 0 && servers.every((server) => !server.agent.connected),
    );
  },
};
