import type { BypathLab } from "../bypath_lab.ts";
import type { Bench, BenchSubject } from "./bench.ts";
import { IPERF, iperf } from "./loads/iperf.ts";
import { bypathNat } from "./roads/bypath.ts";

const THROUGHPUT = "to the client, 1 connection";
const LOST = "captured, but not taken in time";

/** What is captured meanwhile; null: nothing. */
const CAPTURES: Readonly<Record<string, readonly string[] | null>> = {
  "no capture": null,
  "what nobody sends": ["client", "192.0.2.1"],
  "headers": [],
  "whole packets": ["--snaplen", "0"],
};

/** What a capture of all packets costs whoever sends them. */
export const captures: Bench = {
  name: "captures",
  description: "TCP at full speed via NAT while packets are captured (iperf3)",
  needs: ["iperf3"],
  rounds: 5,
  seconds: 3,
  quantities: [
    { name: THROUGHPUT, unit: "bit/s", better: "more" },
    { name: LOST, unit: "share", better: "less" },
  ],
  aims: [
    { quantity: THROUGHPUT, subject: "what nobody sends", of: "no capture", atLeast: 0.8 },
    { quantity: THROUGHPUT, subject: "headers", of: "no capture", atLeast: 0.6 },
  ],
  notes: ["The inspector that writes the file takes its CPU time from the same host."],
  prepare: (lab) => lab.startIperf(),
  subjects: Object.entries(CAPTURES).map(([name, args]): BenchSubject => ({
    name,
    async measure(lab, { seconds }) {
      const road = await bypathNat.up(lab, [IPERF]);
      try {
        const load = { host: road.host, direction: "to-client", connections: 1, seconds } as const;
        if (args === null) return { [THROUGHPUT]: [await iperf(lab, load)] };
        await using capture = await captureOf(lab, args);
        const bitsPerSecond = await iperf(lab, load);
        capture.kill("SIGINT");
        await capture.finish();
        return { [THROUGHPUT]: [bitsPerSecond], [LOST]: [lostShare(capture.stderr.lines.at(-1)!)] };
      } finally {
        await road.down();
      }
    },
  })),
};

async function captureOf(lab: BypathLab, args: readonly string[]) {
  const socket = ["--socket", lab.socketOf("nat")];
  const command = ["inspect", "capture", ...args, "-w", "/dev/null", ...socket];
  const process = lab.startSelf("nat", command);
  await process.waitForLine((line) => line.startsWith("Capturing at"), { stream: "stderr" });
  return process;
}

/** Of the last words of `inspect capture`. */
function lostShare(words: string): number {
  const [, captured, lost] = /; (\S+) captured, .* (\S+) lost/.exec(words) ?? [];
  const number = (digits: string | undefined) => Number(digits?.replaceAll(",", ""));
  return number(lost) / Math.max(1, number(captured) + number(lost));
}
