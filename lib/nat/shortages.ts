import type { EventLog } from "../control/event_log.ts";
import { COUNTER } from "../session/counters.ts";
import { DROP } from "../session/drop_reason.ts";

/** How long one shortage is not told again. */
const SILENCE_MS = 10_000;

const SHORTAGES = [
  {
    reason: DROP.noPort,
    type: "ports-exhausted",
    advice: "add SNAT addresses or widen snat.ports: addresses x ports x servers is the capacity",
  },
  { reason: DROP.tableFull, type: "table-full", advice: "raise capacity" },
  {
    reason: DROP.noServer,
    type: "no-server",
    advice: "every server of the service is down, draining or has weight 0",
  },
  {
    reason: DROP.overload,
    type: "overload",
    advice: "more workers or more bypassing; a flood shows in inspect sessions",
  },
] as const;

/** Tells the event log when clients are refused because something has run out, and what to enlarge. */
export class Shortages {
  readonly #counters: () => Float64Array;
  readonly #events: EventLog;
  readonly #seen = SHORTAGES.map(() => 0);
  readonly #quietUntilMs = SHORTAGES.map(() => 0);

  /** @param counters of all packet workers, at this moment */
  constructor(counters: () => Float64Array, events: EventLog) {
    this.#counters = counters;
    this.#events = events;
  }

  /** To be called every second or so. */
  look(nowMs: number): void {
    const counters = this.#counters();
    SHORTAGES.forEach(({ reason, type, advice }, i) => {
      const count = counters[COUNTER.drops + reason]!;
      if (count === this.#seen[i] || nowMs < this.#quietUntilMs[i]!) return;
      this.#events.add(type, { refused: count - this.#seen[i]!, advice });
      this.#seen[i] = count;
      this.#quietUntilMs[i] = nowMs + SILENCE_MS;
    });
  }
}
