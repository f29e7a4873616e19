import type { NatConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import { formatEndpoint } from "../wire/address.ts";
import { serverKey, type ServerRow, serviceKey } from "./server_views.ts";

/** A server of a service, as `inspect servers` names the two. */
export type ServiceServer = Pick<ServerRow, "service" | "address">;

/** What is known of a server that takes no new sessions. */
interface Draining {
  readonly server: ServiceServer;
  readonly isRemoved: boolean;
  /** Its last session is over, and the log says so. */
  readonly isDrained: boolean;
}

/**
 * Servers that take no new sessions: tells when one is removed, and when the last session of one is
 * over. Whoever waits for that to take the host away is told also when there was no session.
 *
 * A server is known by the protocol, the VIP and its own endpoint: a reload may call the service
 * otherwise. None is drained at the look that meets it first, since the table may have been gone
 * through before it began to drain.
 */
export class DrainWatch {
  readonly #events: EventLog;
  readonly #rows: () => Promise<ReadonlyMap<string, ServerRow>>;
  #draining = new Map<string, Draining>();
  #removed = new Map<string, ServiceServer>();
  #isWatching = true;
  #isLooking = false;

  /** @param rows of `inspect servers`, by {@linkcode serverKey}: goes through the whole table */
  constructor(events: EventLog, rows: () => Promise<ReadonlyMap<string, ServerRow>>) {
    this.#events = events;
    this.#rows = rows;
  }

  /** The configuration has changed, and no longer has these. */
  removed(servers: ReadonlyMap<string, ServiceServer>): void {
    // The next look may come after its last session, and finds no row of it then.
    for (const [key, server] of servers) {
      this.#removed.set(key, server);
      // It was removed before, and has been there again.
      if (this.#draining.get(key)?.isRemoved) this.#draining.delete(key);
    }
    this.#isWatching = true;
  }

  /** These begin to drain, once more or for the first time, or take new sessions again. */
  ordered(isMeant: (address: string) => boolean): void {
    for (const [key, { server }] of this.#draining) {
      if (isMeant(server.address)) this.#draining.delete(key);
    }
    this.#isWatching = true;
  }

  /** To be called every few seconds; does nothing when nothing drains. */
  async look(): Promise<void> {
    if (!this.#isWatching || this.#isLooking) return;
    this.#isLooking = true;
    // What begins to drain from here on may be missing.
    this.#isWatching = false;
    const removed = this.#removed;
    this.#removed = new Map();
    try {
      this.#judge(removed, await this.#rows());
    } finally {
      this.#isLooking = false;
    }
  }

  #judge(
    removed: ReadonlyMap<string, ServiceServer>,
    rows: ReadonlyMap<string, ServerRow>,
  ): void {
    const before = this.#draining;
    this.#draining = new Map();
    for (const [key, row] of rows) {
      if (row.draining) this.#see(key, row, { before, ...row });
    }
    const gone = { removed: true, sessions: 0 };
    for (const [key, server] of removed) {
      if (!rows.has(key)) this.#see(key, server, { before, ...gone });
    }
    for (const [key, { server, isRemoved }] of before) {
      if (rows.has(key) || removed.has(key)) continue;
      this.#see(key, server, { before, ...gone, removed: isRemoved });
      this.#draining.delete(key);
    }
  }

  #see(
    key: string,
    { service, address }: ServiceServer,
    { before, removed, sessions }: {
      readonly before: ReadonlyMap<string, Draining>;
      readonly removed: boolean;
      readonly sessions: number;
    },
  ): void {
    const known = before.get(key);
    if (removed && !known?.isRemoved) {
      this.#events.add("server-removed", { service, server: address, sessions });
    }
    const isDrained = known !== undefined && sessions === 0;
    if (isDrained && !known.isDrained) {
      this.#events.add("server-drained", { service, server: address });
    }
    if (!isDrained) this.#isWatching = true;
    this.#draining.set(key, { server: { service, address }, isRemoved: removed, isDrained });
  }
}

/** The servers that one configuration has and the next has not, by {@linkcode serverKey}. */
export function removedServers(
  before: NatConfig,
  after: NatConfig,
): ReadonlyMap<string, ServiceServer> {
  const next = new Map(after.services.map((service) => [serviceKey(service), service]));
  return new Map(before.services.flatMap((service) => {
    const now = next.get(serviceKey(service));
    const kept = new Set(now?.servers.map(({ address }) => formatEndpoint(address)));
    // As its row is called from then on.
    const name = now?.name ?? formatEndpoint(service.vip);
    return service.servers
      .map(({ address }) => formatEndpoint(address))
      .filter((address) => !kept.has(address))
      .map((address) => [serverKey(service, address), { service: name, address }] as const);
  }));
}
