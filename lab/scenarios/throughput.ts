import { IPERF } from "../bench/loads/iperf.ts";
import { withNft } from "../bench/roads/nft.ts";
import type { BypathLab } from "../bypath_lab.ts";
import { IPERF_PORT } from "../lab_files.ts";
import type { Report } from "../report.ts";
import { between, natShare, readRoads, type RoadCounters } from "../roads.ts";
import { formatCount, formatRate, formatShare } from "../terminal.ts";
import { ADDRESSES } from "../topology.ts";
import type { Scenario } from "./scenario.ts";

const SECONDS = 10;
const LEAST_RATIO = 0.7;
const LEAST_PACKET_BYTES = 20_000;

interface Measured {
  readonly bitsPerSecond: number;
  /** The slowest of the measurement's seconds. */
  readonly slowestBitsPerSecond: number;
  readonly retransmissions: number;
  readonly roads: RoadCounters;
}

/** iperf3, server to client, one connection; the kernel's own NAT before and after as the measure. */
export const throughput: Scenario = {
  name: "throughput",
  group: "paths",
  description: "iperf3 through the VIP: via NAT and bypass, compared with nft in the same run",
  needs: ["iperf3", "nft"],
  async run(lab, report) {
    await lab.startIperf();
    const run = async (name: string, measured: Promise<Measured>): Promise<Measured> => {
      const { bitsPerSecond, slowestBitsPerSecond, retransmissions, roads } = await measured;
      rows.push([
        name,
        formatRate(bitsPerSecond),
        formatRate(slowestBitsPerSecond),
        formatCount(retransmissions),
        formatShare(natShare(roads)),
        `${formatCount(meanPacketBytes(roads))} B`,
      ]);
      return await measured;
    };
    const rows: string[][] = [];
    const nft1 = await run("nft", withNft(lab, [IPERF], () => measure(lab)));
    const viaNat = await run("bypath, via NAT", withBypath(lab, false, () => measure(lab)));
    const nft2 = await run("nft", withNft(lab, [IPERF], () => measure(lab)));
    const bypass = await run("bypath, bypass", withBypath(lab, true, () => measure(lab)));
    const nft3 = await run("nft", withNft(lab, [IPERF], () => measure(lab)));
    report.table(
      ["iperf3", "rate", "slowest second", "retransmitted", "share over NAT", "packet into NAT"],
      rows,
    );
    checkRatio(report, { name: "via NAT", measured: viaNat, nft: [nft1, nft2] });
    checkRatio(report, { name: "bypass", measured: bypass, nft: [nft2, nft3] });
    const packetBytes = meanPacketBytes(viaNat.roads);
    report.figure("meanPacketBytes", Math.round(packetBytes));
    report.check(
      `super-packets: the mean packet into the NAT machine has ${formatCount(packetBytes)} bytes`,
      packetBytes > LEAST_PACKET_BYTES,
    );
    report.check(
      `with bypass ${formatShare(natShare(bypass.roads))} of the responses crossed the NAT machine`,
      natShare(bypass.roads) < 0.01,
    );
  },
};

/** Compared with nft just before and just after: the host may be busy with other things as well. */
function checkRatio(
  report: Report,
  { name, measured, nft }: { name: string; measured: Measured; nft: readonly [Measured, Measured] },
): void {
  const ratio = measured.bitsPerSecond * 2 / (nft[0].bitsPerSecond + nft[1].bitsPerSecond);
  report.figure(`${name} / nft`, Math.round(ratio * 100) / 100);
  report.figure(`${name} bits per second`, Math.round(measured.bitsPerSecond));
  report.check(`${name} / nft: ${ratio.toFixed(2)}, at least ${LEAST_RATIO}`, ratio >= LEAST_RATIO);
  report.check(
    `${name}: no second without traffic, the slowest had ` +
      formatRate(measured.slowestBitsPerSecond),
    measured.slowestBitsPerSecond > 0,
  );
}

function meanPacketBytes({ intoNat }: RoadCounters): number {
  return intoNat.packets === 0 ? 0 : intoNat.bytes / intoNat.packets;
}

async function measure(lab: BypathLab): Promise<Measured> {
  const before = await readRoads(lab.lab);
  const text = await lab.lab.mustRun("client", [
    ...["iperf3", "--client", ADDRESSES.vip, "--port", `${IPERF_PORT}`],
    ...["--reverse", "--time", `${SECONDS}`, "--json"],
  ]);
  const roads = between(before, await readRoads(lab.lab));
  const { end, intervals } = JSON.parse(text) as {
    end: {
      sum_sent: { retransmits: number };
      sum_received: { bits_per_second: number };
    };
    intervals: { sum: { bits_per_second: number; seconds: number } }[];
  };
  return {
    bitsPerSecond: end.sum_received.bits_per_second,
    slowestBitsPerSecond: Math.min(
      // The last interval may be a sliver.
      ...intervals.filter(({ sum }) => sum.seconds > 0.5).map(({ sum }) => sum.bits_per_second),
    ),
    retransmissions: end.sum_sent.retransmits ?? 0,
    roads,
  };
}

async function withBypath<T>(
  lab: BypathLab,
  bypass: boolean,
  body: () => Promise<T>,
): Promise<T> {
  await lab.startNat((config) => {
    for (const service of config.services) {
      service.bypass = { start: bypass ? { bytes: "64KiB" } : { never: true } };
    }
  });
  if (bypass) await lab.startAgent("s1");
  try {
    return await body();
  } finally {
    if (bypass) await lab.stopAgent("s1");
    await lab.stopNat();
  }
}
