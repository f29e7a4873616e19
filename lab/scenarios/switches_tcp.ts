import type { BypathLab } from "../bypath_lab.ts";
import type { Report } from "../report.ts";
import { formatCount, formatDuration } from "../terminal.ts";
import type { Scenario } from "./scenario.ts";
import { retransmitted, switchBackAndForth } from "./switcher.ts";

const SWITCHES = 200;
const RATE = 50_000_000;
const FILE_BYTES = 1_500_000_000;

export const switchesTcp: Scenario = {
  name: "switches-tcp",
  group: "paths",
  description:
    "200 switches between the paths during a download: no byte lost, few retransmissions",
  async run(lab, report) {
    await lab.startServers();
    await lab.startNat();
    await lab.startAgents();
    const quiet = await quietDownload(lab, report);

    const download = lab.download({ bytes: FILE_BYTES, rate: RATE, seed: 2 });
    await download.reached(10_000_000);
    let over = false;
    const result = download.result().finally(() => over = true);
    const switching = await switchBackAndForth(lab, {
      switches: SWITCHES,
      over: () => over,
      holdMs: 20,
    });
    const { bytes, ok, ms, longestPauseMs } = await result;

    const perGigabyte = (segments: number, total: number) => (segments / total * 1e9).toFixed(0);
    const rows = [
      {
        name: "without switches",
        bytes: quiet.bytes,
        switches: 0,
        longestPauseMs: quiet.longestPauseMs,
        retransmitted: quiet.retransmitted,
      },
      {
        name: "with switches",
        bytes,
        switches: switching.switches,
        longestPauseMs,
        retransmitted: switching.segmentsRetransmitted,
      },
    ];
    report.table(
      ["download", "bytes", "switches", "retransmitted", "per GB", "longest pause"],
      rows.map((row) => [
        row.name,
        formatCount(row.bytes),
        `${row.switches}`,
        formatCount(row.retransmitted),
        perGigabyte(row.retransmitted, row.bytes),
        formatDuration(row.longestPauseMs),
      ]),
    );
    report.figure("switches", switching.switches);
    const { stopsWithRetransmission, startsWithRetransmission } = switching;
    const costly = stopsWithRetransmission + startsWithRetransmission;
    report.figure("stopsWithRetransmission", stopsWithRetransmission);
    report.figure("startsWithRetransmission", startsWithRetransmission);
    report.figure("segmentsRetransmitted", switching.segmentsRetransmitted);
    report.figure("segmentsRetransmittedWithout", quiet.retransmitted);
    report.figure("meanStopMs", Math.round(switching.meanStopMs * 10) / 10);
    report.check(
      `${switching.switches} switches, a stop was acknowledged after ` +
        `${switching.meanStopMs.toFixed(1)} ms on average`,
      switching.switches >= SWITCHES,
      `the download was over after ${formatDuration(ms)}`,
    );
    report.check(
      "every byte arrived, SHA-256 as it left the server",
      ok,
      `${formatCount(bytes)} of ${formatCount(FILE_BYTES)} bytes`,
    );
    report.check(
      `${costly} of ${switching.switches} switches cost a retransmission ` +
        `(${stopsWithRetransmission} stops, ${startsWithRetransmission} starts), fewer than one in ten`,
      costly < switching.switches / 10,
    );
  },
};

/** The same at the same rate without switches, shorter. */
async function quietDownload(lab: BypathLab, report: Report) {
  const before = await retransmitted(lab);
  const { bytes, ok, longestPauseMs } = await lab
    .download({ bytes: FILE_BYTES / 5, rate: RATE, seed: 1 }).result();
  report.check("a download without switches arrives", ok);
  return { bytes, longestPauseMs, retransmitted: await retransmitted(lab) - before };
}
