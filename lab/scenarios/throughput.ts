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
  description: "iperf3 through the VIP: via NAT and bypass, compared with nft in the same run",
  needs: ["iperf3", "nft"],
  async run(lab, report) {
    await lab.startIperf();
    const runs: (readonly [string, Measured])[] = [];
    runs.push(["nft, before", await withNft(lab, () => measure(lab))]);
    runs.push(["bypath, via NAT", await withBypath(lab, false, () => measure(lab))]);
    runs.push(["bypath, bypass", await withBypath(lab, true, () => measure(lab))]);
    runs.push(["nft, after", await withNft(lab, () => measure(lab))]);
    const [before, viaNat, bypass, after] = runs.map(([, measured]) => measured) as [
      Measured,
      Measured,
      Measured,
      Measured,
    ];
    const nft = (before.bitsPerSecond + after.bitsPerSecond) / 2;
    report.table(
      [
        "iperf3",
        "rate",
        "against nft",
        "slowest second",
        "retransmissions",
        "share over NAT",
        "mean packet into NAT",
      ],
      runs.map(([name, measured]) => [
        name,
        formatRate(measured.bitsPerSecond),
        (measured.bitsPerSecond / nft).toFixed(2),
        formatRate(measured.slowestBitsPerSecond),
        formatCount(measured.retransmissions),
        formatShare(natShare(measured.roads)),
        `${formatCount(meanPacketBytes(measured))} B`,
      ]),
    );
    checkAll(report, { nft, viaNat, bypass });
  },
};

function checkAll(
  report: Report,
  { nft, viaNat, bypass }: { nft: number; viaNat: Measured; bypass: Measured },
): void {
  const natRatio = viaNat.bitsPerSecond / nft;
  const bypassRatio = bypass.bitsPerSecond / nft;
  report.figure("nftBitsPerSecond", Math.round(nft));
  report.figure("viaNatRatio", natRatio);
  report.figure("bypassRatio", bypassRatio);
  report.figure("meanPacketBytes", Math.round(meanPacketBytes(viaNat)));
  report.check(`via NAT / nft: ${natRatio.toFixed(2)}`, natRatio >= LEAST_RATIO);
  report.check(`bypass / nft: ${bypassRatio.toFixed(2)}`, bypassRatio >= LEAST_RATIO);
  for (
    const [name, { slowestBitsPerSecond }] of [["via NAT", viaNat], ["bypass", bypass]] as const
  ) {
    report.check(
      `no second without traffic ${name}; the slowest had ${formatRate(slowestBitsPerSecond)}`,
      slowestBitsPerSecond > 0,
    );
  }
  report.check(
    `super-packets: mean packet at the NAT machine ${formatCount(meanPacketBytes(viaNat))} bytes`,
    meanPacketBytes(viaNat) > LEAST_PACKET_BYTES,
  );
  report.check(
    `with bypass ${formatShare(natShare(bypass.roads))} of the responses crossed the NAT machine`,
    natShare(bypass.roads) < 0.01,
  );
}

function meanPacketBytes({ roads }: Measured): number {
  return roads.intoNat.packets === 0 ? 0 : roads.intoNat.bytes / roads.intoNat.packets;
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

/** DNAT and SNAT by the kernel in the same place, with the same addresses. */
async function withNft<T>(lab: BypathLab, body: () => Promise<T>): Promise<T> {
  const rules = `
    table ip lab_nat {
      chain in {
        type nat hook prerouting priority dstnat;
        ip daddr ${ADDRESSES.vip} tcp dport ${IPERF_PORT} dnat to ${ADDRESSES.s1}:${IPERF_PORT}
      }
      chain out {
        type nat hook postrouting priority srcnat;
        ip daddr ${ADDRESSES.s1} tcp dport ${IPERF_PORT} snat to 10.0.1.1
      }
    }`;
  await lab.lab.mustRun("nat", ["nft", "-f", "-"], rules);
  await setForwarding(lab, "1");
  try {
    return await body();
  } finally {
    await setForwarding(lab, "0");
    await lab.lab.mustRun("nat", ["nft", "delete", "table", "ip", "lab_nat"]);
  }
}

async function setForwarding(lab: BypathLab, value: string): Promise<void> {
  await lab.lab.mustRun("nat", ["sh", "-c", `echo ${value} > /proc/sys/net/ipv4/ip_forward`]);
}
