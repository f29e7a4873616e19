import type { NatConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import { formatEndpoint } from "../wire/address.ts";
import { type ServerRow, serviceKey } from "./server_views.ts";

/** A server of a service as `inspect servers` names the two. */
export type ServiceServer = Pick<ServerRow, "service" | "address">;

/** What is known of a server that takes no new sessions. */
interface Draining {
  readonly server: ServiceServer;
  readonly isRemoved: boolean;
  /** Its last session is over, and the log says so. */
  isDrained: boolean;
}

/**
 * Servers that take no new sessions: tells when one is removed, and when the last session of one is
 * over. Whoever waits for that to take the host away is told also when there was no session.
 */
export class DrainWatch {
  readonly #events: EventLog;
  readonly #rows: () => Promise<readonly ServerRow[]>;
  readonly #draining = new Map<string, Draining>();
  #removed: ServiceServer[] = [];
  #isWatching = true;
  #isLooking = false;

  /** @param rows `inspect servers`, which goes through the whole table */
  constructor(events: EventLog, rows: () => Promise<readonly ServerRow[]>) {
    this.#events = events;
    this.#rows = rows;
  }

  /**
   * A server has begun to drain, or the configuration has changed.
   *
   * @param removed what the configuration no longer has
   */
  begin(removed: readonly ServiceServer[] = []): void {
    // The next look may come after its last session, and finds no row of it then.
    this.#removed.push(...removed);
    this.#isWatching = true;
  }

  /** To be called every few seconds; does nothing when nothing drains. */
  async look(): Promise<void> {
    if (!this.#isWatching || this.#isLooking) return;
    this.#isLooking = true;
    // What begins to drain from here on may be missing.
    this.#isWatching = false;
    const removed = this.#removed;
    this.#removed = [];
    try {
      this.#judge(removed, await this.#rows());
    } finally {
      this.#isLooking = false;
    }
  }

  #judge(removed: readonly ServiceServer[], rows: readonly ServerRow[]): void {
    const byName = new Map(rows.map((row) => [nameOf(row), row]));
    for (const row of rows) {
      if (!row.draining) this.#draining.delete(nameOf(row));
      else this.#meet(row, row.removed, row.sessions);
    }
    for (const server of removed) {
      if (!byName.has(nameOf(server))) this.#meet(server, true, 0);
    }
    for (const [name, it] of this.#draining) {
      const sessions = byName.get(name)?.sessions ?? 0;
      if (sessions === 0 && !it.isDrained) {
        const { service, address: server } = it.server;
        this.#events.add("server-drained", { service, server });
      }
      it.isDrained = sessions === 0;
      if (!byName.has(name)) this.#draining.delete(name);
      else if (sessions > 0) this.#isWatching = true;
    }
  }

  #meet(server: ServiceServer, isRemoved: boolean, sessions: number): void {
    const known = this.#draining.get(nameOf(server));
    if (known?.isRemoved === isRemoved) return;
    if (isRemoved) {
      this.#events.add("server-removed", {
        service: server.service,
        server: server.address,
        sessions,
      });
    }
    const isDrained = known?.isDrained ?? false;
    this.#draining.set(nameOf(server), { server, isRemoved, isDrained });
  }
}

/** The servers that one configuration has and the next has not, under the names that {@linkcode ServerRow} gives them from then on. */
export function removedServers(before: NatConfig, after: NatConfig): ServiceServer[] {
  const next = new Map(after.services.map((service) => [serviceKey(service), service]));
  return before.services.flatMap((service) => {
    const now = next.get(serviceKey(service));
    const kept = new Set(now?.servers.map(({ address }) => formatEndpoint(address)));
    return service.servers
      .map(({ address }) => formatEndpoint(address))
      .filter((address) => !kept.has(address))
      .map((address) => ({ service: now?.name ?? formatEndpoint(service.vip), address }));
  });
}

/** No name of a service has a space. */
function nameOf({ service, address }: ServiceServer): string {
  return `${service} ${address}`;
}
