import type { EventLog } from "../control/event_log.ts";
import type { ServerRow } from "./server_views.ts";

/** Servers that take no new sessions: tells when one is removed, and when the last session of one is over. */
export class DrainWatch {
  readonly #events: EventLog;
  readonly #rows: () => Promise<readonly ServerRow[]>;
  /** With sessions when they were looked at last. */
  #draining = new Set<string>();
  #isWatching = true;
  #isLooking = false;

  /** @param rows `inspect servers`, which goes through the whole table */
  constructor(events: EventLog, rows: () => Promise<readonly ServerRow[]>) {
    this.#events = events;
    this.#rows = rows;
  }

  /** A server has begun to drain, or was removed. */
  begin(): void {
    this.#isWatching = true;
  }

  /** To be called every few seconds; does nothing when nothing drains. */
  async look(): Promise<void> {
    if (!this.#isWatching || this.#isLooking) return;
    this.#isLooking = true;
    // What begins to drain from here on may be missing.
    this.#isWatching = false;
    try {
      this.#judge(await this.#rows());
    } finally {
      this.#isLooking = false;
    }
  }

  #judge(rows: readonly ServerRow[]): void {
    const draining = rows.filter((row) => row.draining && row.sessions > 0);
    const now = new Set(draining.map(nameOf));
    for (const row of draining) {
      if (!row.removed || this.#draining.has(nameOf(row))) continue;
      const { service, address: server, sessions } = row;
      this.#events.add("server-removed", { service, server, sessions });
    }
    const back = new Set(rows.filter((row) => !row.draining).map(nameOf));
    for (const name of this.#draining) {
      if (now.has(name) || back.has(name)) continue;
      const [service, server] = name.split(" ");
      this.#events.add("server-drained", { service: service!, server: server! });
    }
    this.#draining = now;
    if (now.size > 0) this.#isWatching = true;
  }
}

/** No name of a service has a space. */
function nameOf({ service, address }: ServerRow): string {
  return `${service} ${address}`;
}
