import type { ChartMark, ThroughputPoint } from "../../page/throughput_chart.ts";
import type { EventView } from "../answers.ts";
import type { ServerRates } from "./dashboard_state.ts";

/** How far back the chart goes. */
export const HISTORY_MS = 5 * 60_000;
const MOST_MARKS = 12;

/** What an operator wants to see in the chart: what concerns many sessions, not every one. */
const MARKED: Readonly<Record<string, string>> = {
  "operator-stop": "S",
  "operator-start": "G",
  "agent-connected": "A",
  "agent-lost": "L",
  "agent-silent": "L",
  "agent-unable": "U",
  draining: "D",
  undrained: "D",
  reloaded: "C",
  started: "N",
};

/** Throughput by path of the last minutes. Pure: times are arguments. */
export class History {
  #points: ThroughputPoint[] = [];
  #begins = true;

  get points(): readonly ThroughputPoint[] {
    return this.#points;
  }

  /** Adds the rates of a moment. */
  add(atMs: number, rates: ReadonlyMap<string, ServerRates>): void {
    const { viaNat, viaBypass } = sumOf(rates);
    this.#points.push({ atMs, viaNat, viaBypass, begins: this.#begins });
    this.#begins = false;
    const first = this.#points.findIndex((point) => point.atMs >= atMs - HISTORY_MS);
    if (first > 0) this.#points = this.#points.slice(first);
  }

  /** Nothing is known of the time until the next point. */
  interrupt(): void {
    this.#begins = true;
  }
}

/** Of all servers together. */
export function sumOf(rates: ReadonlyMap<string, ServerRates>): ServerRates {
  const sum = { fromClient: 0, viaNat: 0, viaBypass: 0 };
  for (const each of rates.values()) {
    sum.fromClient += each.fromClient;
    sum.viaNat += each.viaNat;
    sum.viaBypass += each.viaBypass;
  }
  return sum;
}

/** The events that the chart marks, the newest of them. */
export function marksOf(
  events: readonly EventView[],
  text: (event: EventView) => string,
): ChartMark[] {
  return events.flatMap((event) => {
    const label = MARKED[event.type];
    return label === undefined ? [] : [{ atMs: event.time, label, text: text(event) }];
  }).slice(-MOST_MARKS);
}
