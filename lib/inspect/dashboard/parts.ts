/**
 * What the page shows, as the parts of it that change: by the id of an element, what is in it.
 *
 * @module
 */
import { bothForms } from "../../page/both_forms.ts";
import { type Markup, markup } from "../../page/markup.ts";
import { throughputChart } from "../../page/throughput_chart.ts";
import { humanDuration } from "../../config/human.ts";
import { clockTime } from "./clock_time.ts";
import type { DashboardState } from "./dashboard_state.ts";
import { eventRows } from "./event_rows.ts";
import { figures } from "./figures.ts";
import { HISTORY_MS, sumOf } from "./history.ts";
import { agentRows, dropRows, serverRows, serviceRows, sessionCount, sessionRows } from "./rows.ts";
import { topology } from "./topology.ts";
import { rateText } from "./units.ts";

/** In the order of the page. */
export const PART_NAMES = [
  "connection",
  "machine",
  "figures",
  "topology",
  "throughput",
  "services",
  "servers",
  "agents",
  "session-count",
  "sessions",
  "events",
  "drops",
] as const;

/** The chart of a page that was just opened is not a line at its edge. */
const LEAST_MS = 60_000;

export type Parts = Readonly<Record<typeof PART_NAMES[number], string>>;

export function renderParts(state: DashboardState, nowMs: number): Parts {
  const { sample, events } = state;
  return {
    connection: connection(state).text,
    machine: machine(state).text,
    figures: figures(state).text,
    topology: topology(state).text,
    throughput: throughput(state, nowMs).text,
    services: serviceRows(sample?.services ?? []).text,
    servers: serverRows(sample).text,
    agents: agentRows(sample?.status.agents ?? []).text,
    "session-count": sessionCount(sample).text,
    sessions: sessionRows(sample?.sessions ?? []).text,
    events: eventRows(events).text,
    drops: dropRows(sample).text,
  };
}

function connection({ trouble, sample, socket }: DashboardState): Markup {
  if (trouble === null) {
    return sample === null ? markup`Looking at ${socket}` : markup`<span class="good">Live</span>`;
  }
  const since = clockTime(trouble.sinceMs);
  return markup`<span class="bad">Not seen since ${since}</span>: ${trouble.why}. Trying again${
    sample !== null && "; below is what was seen last"
  }`;
}

function machine({ sample, socket }: DashboardState): Markup {
  if (sample === null) return markup`NAT machine at <code>${socket}</code>`;
  const { version, interfaces = [], uptimeMs } = sample.status;
  return markup`NAT machine ${version}${
    interfaces.length > 0 && markup` on <code>${interfaces.join(", ")}</code>`
  }, up ${humanDuration(Math.floor(uptimeMs / 1000) * 1000)}`;
}

function throughput({ history, marks, sample }: DashboardState, nowMs: number): Markup {
  const now = sumOf(sample?.rates ?? new Map());
  const seenMs = nowMs - (history[0]?.atMs ?? nowMs);
  const fromMs = nowMs - Math.min(HISTORY_MS, Math.max(LEAST_MS, seenMs));
  return bothForms((form) =>
    throughputChart({
      points: form === "wide" ? history : history.filter((_, i) => i % 2 === 0),
      marks: marks.filter(({ atMs }) => atMs > fromMs),
      fromMs,
      toMs: nowMs,
      timesFrom: "end",
      rate: rateText,
      time: (atMs) => atMs >= nowMs ? "now" : `−${humanDuration(nowMs - atMs)}`,
      title: `Responses of the last five minutes by path; now ${rateText(now.viaNat)} via NAT and ${
        rateText(now.viaBypass)
      } bypass`,
    }, {
      ...(form === "wide" ? { width: 660, height: 300 } : { width: 340, height: 180 }),
      id: form,
    })
  );
}
