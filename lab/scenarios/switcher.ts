import type { BypathLab } from "../bypath_lab.ts";
import { readTcpCounters } from "../counters.ts";
import type { InspectedStatus } from "../inspect_json.ts";
import { SERVER_NAMES } from "../lab_files.ts";
import { waitFor } from "../wait.ts";

/** How switching went. */
export interface SwitchingResult {
  /** Stops and starts that took effect. */
  readonly switches: number;
  /** After how many stops, and after how many starts, a server had retransmitted something. */
  readonly stopsWithRetransmission: number;
  readonly startsWithRetransmission: number;
  readonly segmentsRetransmitted: number;
  /** From asking for a stop to its acknowledgement by the agent, longest and mean. */
  readonly longestStopMs: number;
  readonly meanStopMs: number;
}

export interface SwitchingOptions {
  /** How many switches to make; stop and start count as one each. */
  readonly switches: number;
  /** Ends the switching early, when the traffic is over. */
  readonly over: () => boolean;
  /** How long each path is kept once it is in force. */
  readonly holdMs: number;
}

/**
 * Switches all bypass off and on again while traffic runs; each switch is waited for until it is in
 * force.
 */
export async function switchBackAndForth(
  lab: BypathLab,
  options: SwitchingOptions,
): Promise<SwitchingResult> {
  let switches = 0;
  let stopsWithRetransmission = 0;
  let startsWithRetransmission = 0;
  let longestStopMs = 0;
  let sumStopMs = 0;
  let stops = 0;
  const first = await retransmitted(lab);
  let last = first;
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, options.holdMs));
    const before = last;
    last = await retransmitted(lab);
    return last > before ? 1 : 0;
  };
  while (switches < options.switches && !options.over()) {
    const asked = performance.now();
    await lab.switchBypass("stop");
    const tookMs = performance.now() - asked;
    longestStopMs = Math.max(longestStopMs, tookMs);
    sumStopMs += tookMs;
    stops++;
    switches++;
    stopsWithRetransmission += await settled();

    await lab.switchBypass("start");
    const started = await waitFor(
      "the bypass to start again",
      async () => options.over() || (await lab.ask<InspectedStatus>("status")).sessions.bypass > 0,
      { everyMs: 5, timeoutMs: 10_000 },
    );
    if (options.over() || !started) break;
    switches++;
    startsWithRetransmission += await settled();
  }
  return {
    switches,
    stopsWithRetransmission,
    startsWithRetransmission,
    segmentsRetransmitted: last - first,
    longestStopMs,
    meanStopMs: sumStopMs / Math.max(1, stops),
  };
}

/** Segments that the servers have retransmitted so far. */
export async function retransmitted(lab: BypathLab): Promise<number> {
  const counters = await Promise.all(
    SERVER_NAMES.map((name) => readTcpCounters(lab.lab.namespace(name))),
  );
  return counters.reduce((sum, each) => sum + each.segmentsRetransmitted, 0);
}
