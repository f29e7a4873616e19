import type { FlowResult } from "./checked_traffic.ts";
import type { Report } from "./report.ts";
import { formatCount, formatDuration } from "./terminal.ts";
import type { PlannedFlow } from "./traffic_mix.ts";

/** What is allowed of the flows after a fault. */
export interface FlowLimits {
  /** The longest pause of a flow in milliseconds. */
  readonly pauseMs: (flow: FlowResult) => number;
  /** The most datagrams lost. */
  readonly lost: (flow: FlowResult) => number;
  /** The most datagrams doubled. Default: none. */
  readonly doubled?: number;
  /** Flows that may end with an error; to hang is an error of its own. */
  readonly mayBreak?: (flow: PlannedFlow) => boolean;
}

/** Shows the flows as a table, keeps their figures, and checks each. */
export function checkFlows(
  report: Report,
  flows: readonly FlowResult[],
  limits: FlowLimits,
): void {
  report.table(
    ["flow", "bytes", "wrong", "longest pause", "before", "sent again", "lost"],
    flows.map((flow) => [
      flow.name,
      formatCount(flow.bytes),
      formatCount(flow.wrong),
      formatDuration(flow.longestPauseMs),
      formatDuration(flow.quietPauseMs),
      flow.datagrams ? "-" : formatCount(flow.retransmitted),
      flow.datagrams ? formatCount(flow.datagrams.lost) : "-",
    ]),
  );
  const { mayBreak = () => false } = limits;
  const broken = flows.filter((flow) => mayBreak(flow) && flow.error !== null);
  if (broken.length > 0) {
    const hung = broken.filter((flow) => flow.error?.startsWith("hung"));
    report.check(
      `flows whose session could not be kept were told so: ` +
        broken.map(({ name, error }) => `${name} (${error})`).join(", "),
      hung.length === 0,
    );
  }
  const whole = flows.filter((flow) => !broken.includes(flow));
  const tcp = whole.filter((flow) => !flow.datagrams);
  const bad = tcp.filter((flow) => !flow.complete || flow.wrong > 0);
  report.check(
    `every byte of ${tcp.length} TCP flows arrived, in order and as it was sent ` +
      `(${formatCount(tcp.reduce((sum, flow) => sum + flow.bytes, 0))} bytes)`,
    bad.length === 0,
    bad.map((flow) => `${flow.name}: ${flow.error ?? `${flow.wrong} pieces wrong`}`).join("; "),
  );
  const hung = whole.filter((flow) => flow.longestPauseMs > limits.pauseMs(flow));
  const slowest = whole.toSorted((a, b) => b.longestPauseMs - a.longestPauseMs)[0] as FlowResult;
  report.check(
    `no flow paused for longer than it may: the longest pause is ` +
      `${formatDuration(slowest.longestPauseMs)} (${slowest.name}), ` +
      `${formatDuration(limits.pauseMs(slowest))} are allowed`,
    hung.length === 0,
    hung.map((flow) =>
      `${flow.name}: ${formatDuration(flow.longestPauseMs)} of ${
        formatDuration(limits.pauseMs(flow))
      }`
    ).join("; "),
  );
  for (const flow of whole) checkDatagrams(report, flow, limits);
  report.figure("longestPauseMs", slowest.longestPauseMs);
  report.figure("longestPauseOf", slowest.name);
  report.figure("retransmitted", tcp.reduce((sum, flow) => sum + flow.retransmitted, 0));
  report.figure(
    "quietPauseMs",
    Math.max(...flows.map((flow) => flow.quietPauseMs)),
  );
}

function checkDatagrams(report: Report, flow: FlowResult, limits: FlowLimits): void {
  const { datagrams } = flow;
  if (datagrams === undefined) return;
  const { sent, received, lost, doubled, reordered } = datagrams;
  report.check(
    `${flow.name}: ${formatCount(received)} of ${formatCount(sent)} datagrams, ` +
      `${formatCount(lost)} lost, ${formatCount(doubled)} doubled, ` +
      `${formatCount(reordered)} out of order, none changed`,
    flow.complete && flow.wrong === 0 && lost <= limits.lost(flow) &&
      doubled <= (limits.doubled ?? 0),
    flow.error ??
      `${flow.wrong} wrong, ${Math.floor(limits.lost(flow))} may be lost, the longest ` +
        `runs lost: ${datagrams.gaps.join(", ")}`,
  );
  report.figure("datagramsSent", sent);
  report.figure("datagramsLost", lost);
  report.figure("datagramsDoubled", doubled);
  report.figure("datagramsReordered", reordered);
}
