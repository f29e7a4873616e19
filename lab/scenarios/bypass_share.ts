import { between, natShare, readRoads } from "../roads.ts";
import { formatBytes, formatCount, formatRate, formatShare } from "../terminal.ts";
import type { Scenario } from "./scenario.ts";

const FILE_BYTES = 1_000_000_000;
const ROUNDS = 3;
const LIMIT = 0.01;

/**
 * From the crossing of the criterion to the first direct packet a few milliseconds pass, and at full
 * speed these are megabytes: few of them may remain.
 */
export const bypassShare: Scenario = {
  name: "bypass-share",
  group: "paths",
  description: "1 GB at full speed: the share of it that crosses the NAT machine's link",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat();
    await lab.startAgents();
    const rows: string[][] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const before = await readRoads(lab.lab);
      const download = lab.download({ bytes: FILE_BYTES, seed: round, verify: "pages" });
      const result = await download.result();
      const roads = between(before, await readRoads(lab.lab));
      const share = natShare(roads);
      rows.push([
        `${round}`,
        formatRate(result.bytes * 8 / result.ms * 1000),
        formatCount(roads.fromServers),
        formatCount(roads.overNat),
        formatShare(share),
      ]);
      report.figure(`share${round}`, share);
      report.check(
        `download ${round}: ${formatBytes(result.bytes)} arrived in order, ${formatShare(share)} ` +
          `of the response bytes crossed the NAT machine's link`,
        result.ok && share < LIMIT,
        `${formatCount(result.bytes)} bytes, ${result.misplacedPages} pages misplaced`,
      );
    }
    report.table(["download", "rate", "servers' links", "NAT machine's link", "share"], rows);
  },
};
