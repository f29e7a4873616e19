import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import type { CheckEntry, HealthEntry } from "../control/messages.ts";
import { mayTakeDown } from "../policy/health_limit.ts";
import type { HealthStatus } from "../policy/health.ts";
import { AffinityTable } from "../session/affinity_table.ts";
import { HEADER } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { SessionViewer } from "../session/session_view.ts";
import { formatEndpoint } from "../wire/address.ts";
import { type DatapathConfig, datapathConfig } from "./datapath_config.ts";
import { HealthChecks } from "./health_checks.ts";
import { PoolServer } from "./pool_server.ts";
import { type IsBarred, PoolService } from "./pool_service.ts";
import { ServerSigns, sumSigns } from "./server_signs.ts";

/** Clients whose server is remembered, where a service wants that. */
const AFFINITY_CLIENTS = 131_072;
/** Signs are looked at every so many ticks. */
const SIGNS_TICKS = 2;
/** An agent that has not reported for so many intervals does not check. */
const MISSED_REPORTS = 3;
/** What an agent's report may be late by. */
const REPORT_MARGIN_MS = 2_000;

export interface ServerPoolOptions {
  readonly config: NatConfig;
  readonly records: SessionRecords;
  readonly events: EventLog;
  readonly isBarred: IsBarred;
  /** A server went down, or came up. */
  readonly changed: (server: string, status: HealthStatus) => void;
  /** Boot time, ms. */
  readonly now: () => number;
}

/** A configuration that is ready to be taken over. */
export interface PreparedPool {
  /** For the packet worker, with the memory that it shares with the pool. */
  readonly datapath: DatapathConfig;
  take(): void;
}

/**
 * All servers of all services on the main thread: their health by whatever is known, and their part of the new sessions,
 * written into memory that the packet worker reads with every new session. A reload changes what is different.
 */
export class ServerPool implements Disposable {
  /** Of each packet worker. */
  readonly signs: readonly ServerSigns[];
  /** Memory of an affinity table for each packet worker, which has all sessions of its clients. */
  readonly affinities: readonly SharedArrayBuffer[];
  /** Of the affinity tables: two random words. */
  readonly key: readonly [number, number];
  readonly #options: ServerPoolOptions;
  readonly #checks: HealthChecks;
  readonly #affinities: readonly AffinityTable[];
  #byKey: ReadonlyMap<string, PoolServer> = new Map();
  #services: ReadonlyMap<string, PoolService> = new Map();
  /** Dictionary entries by endpoint, as far as they have been read. */
  readonly #entries = new Map<string, number>();
  #entriesRead = 1;
  #ticks = 0;

  constructor(options: ServerPoolOptions) {
    this.#options = options;
    const [k0, k1] = crypto.getRandomValues(new Int32Array(2));
    this.key = [k0!, k1!];
    const { workers } = options.config;
    this.signs = Array.from({ length: workers }, () => new ServerSigns());
    this.affinities = Array.from(
      { length: workers },
      () => new SharedArrayBuffer(AffinityTable.bytes(Math.ceil(AFFINITY_CLIENTS / workers))),
    );
    this.#affinities = this.affinities.map((buffer) => new AffinityTable(buffer, this.key));
    this.#checks = new HealthChecks((key, { good, detail }) => {
      const server = this.#byKey.get(key);
      if (server === undefined) return;
      this.#judge(server, (now) => server.health.checked(good, detail, now));
    });
    this.prepare(options.config).take();
  }

  /** The services by name. */
  get services(): ReadonlyMap<string, PoolService> {
    return this.#services;
  }

  /**
   * Makes everything that another configuration needs, and changes nothing: whoever stays keeps what is known of him.
   * The worker is given `datapath`; when it has taken that, `take` has to follow.
   */
  prepare(config: NatConfig): PreparedPool {
    const nowMs = this.#options.now();
    const byKey = new Map<string, PoolServer>();
    const services = new Map(config.services.map((service) => {
      const old = this.#services.get(service.name);
      const servers = service.servers.map((server) => {
        const key = `${service.name} ${formatEndpoint(server.address)}`;
        const made = this.#byKey.get(key) ?? newServer(service, server, nowMs, old !== undefined);
        byKey.set(key, made);
        return made;
      });
      const pool = new PoolService(service, servers, old, config.workers);
      pool.refresh(this.#options.isBarred, nowMs);
      return [service.name, pool];
    }));
    return {
      datapath: withShared(config, services),
      take: () => {
        for (const { config, servers } of services.values()) {
          for (const server of servers) server.configure(config);
        }
        this.#services = services;
        this.#byKey = byKey;
        this.#checks.configure(config.services);
        this.refresh();
      },
    };
  }

  /** What the packet worker needs of the configuration in force. */
  datapath(config: NatConfig): DatapathConfig {
    return withShared(config, this.#services);
  }

  /** What is known of a server of a service. */
  get(service: string, server: string): PoolServer | undefined {
    return this.#byKey.get(`${service} ${server}`);
  }

  /** How much of its weight the server gets now, 0 to 1. */
  share(service: string, server: string): number {
    const found = this.#services.get(service);
    const place = found?.board.names.indexOf(server) ?? -1;
    return place < 0 ? 0 : found!.board.shares[place]!;
  }

  /** May the server get new sessions, as far as health goes? */
  able(service: string, server: string): boolean {
    return this.get(service, server)?.health.able ?? true;
  }

  /** The server of a client's earlier sessions with a service, if it is remembered. */
  earlierServer(service: ServiceConfig, client: Int32Array): string | null {
    const { affinity } = service;
    if (affinity === undefined) return null;
    const vip = this.entryOf(formatEndpoint(service.vip));
    const key = (service.protocol === "tcp" ? 6 : 17) << 16 | vip;
    const now = this.#options.now();
    for (const table of this.#affinities) {
      const entry = table.find(key, client, 0, affinity, now, affinity.timeoutMs);
      if (entry !== 0) return new SessionViewer(this.#options.records).endpointText(entry);
    }
    return null;
  }

  /** Something else about who may get new sessions has changed: the worker sees it from here on. */
  refresh(): void {
    const now = this.#options.now();
    for (const service of this.#services.values()) service.refresh(this.#options.isBarred, now);
  }

  /** To be called every 100 ms. */
  tick(): void {
    const now = this.#options.now();
    const isSignsTick = this.#ticks++ % SIGNS_TICKS === 0;
    for (const service of this.#services.values()) {
      if (isSignsTick) this.#lookAtSigns(service);
      if (service.config.health?.agent) this.#lookForReports(service, now);
      if (service.varies) service.refresh(this.#options.isBarred, now);
    }
  }

  /** What an agent whose certificate names these addresses is asked to check. */
  checksFor(addresses: readonly string[]): CheckEntry[] {
    const asked = new Map<string, CheckEntry>();
    for (const { config, servers } of this.#services.values()) {
      const { health } = config;
      if (!health?.agent) continue;
      for (const { name, endpoint } of servers) {
        if (!addresses.includes(String(endpoint.address))) continue;
        const { intervalMs, timeoutMs } = health;
        const known = asked.get(name);
        if (known !== undefined && known.intervalMs <= intervalMs) continue;
        asked.set(name, { server: name, intervalMs, timeoutMs });
      }
    }
    return [...asked.values()];
  }

  /** An agent tells what its checks came to; what it does not speak for is not listened to. */
  agentChecked(addresses: readonly string[], entries: readonly HealthEntry[]): void {
    for (const { server: name, good, detail } of entries) {
      for (const server of this.#checkedByAgent(addresses)) {
        if (server.name !== name) continue;
        server.reportedMs = this.#options.now();
        this.#judge(server, (now) => server.health.checked(good, `agent: ${detail}`, now));
      }
    }
  }

  /** An agent is gone: nobody checks its servers. */
  agentLost(addresses: readonly string[]): void {
    for (const server of this.#checkedByAgent(addresses)) {
      server.reportedMs = -Infinity;
      this.#judge(server, (now) => server.health.unchecked("its agent is not connected", now));
    }
  }

  [Symbol.dispose](): void {
    this.#checks[Symbol.dispose]();
  }

  *#checkedByAgent(addresses: readonly string[]): Generator<PoolServer> {
    for (const { config, servers } of this.#services.values()) {
      if (!config.health?.agent) continue;
      for (const server of servers) {
        if (addresses.includes(String(server.endpoint.address))) yield server;
      }
    }
  }

  #lookAtSigns({ config, servers }: PoolService): void {
    if (config.health?.passive === undefined) return;
    const healths = servers.filter((_, i) => config.servers[i]!.weight > 0)
      .map(({ health }) => health);
    for (const server of servers) {
      const signs = server.newSigns(sumSigns(this.signs), (name) => this.entryOf(name));
      this.#judge(
        server,
        (now) => server.health.signs(signs, mayTakeDown(server.health, healths), now),
      );
    }
  }

  #lookForReports({ config, servers }: PoolService, now: number): void {
    const { intervalMs, timeoutMs } = config.health!;
    const mostMs = MISSED_REPORTS * intervalMs + timeoutMs + REPORT_MARGIN_MS;
    for (const server of servers) {
      if (server.reportedMs === -Infinity || now - server.reportedMs < mostMs) continue;
      server.reportedMs = -Infinity;
      this.#judge(server, () => server.health.unchecked("its agent reports no checks", now));
    }
  }

  /** Lets something be learned about a server, and tells what came of it. */
  #judge(server: PoolServer, learn: (nowMs: number) => boolean): void {
    const now = this.#options.now();
    const { health } = server;
    const before = health.status;
    if (!learn(now)) return;
    const service = this.#services.get(server.service);
    service?.refresh(this.#options.isBarred, now);
    const { status } = health;
    if (status === before) return;
    const type = status !== "unknown" ? `server-${status}` : "server-unknown";
    const reason = health.reason(now);
    this.#options.events.add(type, { service: server.service, server: server.name, reason });
    this.#options.changed(server.name, status);
  }

  /** The dictionary entry of an endpoint; 0 when the worker has not made one yet. */
  entryOf(name: string): number {
    const { records } = this.#options;
    const viewer = new SessionViewer(records);
    for (const used = records.header[HEADER.dictionaryUsed]!; this.#entriesRead < used;) {
      this.#entries.set(viewer.endpointText(this.#entriesRead), this.#entriesRead);
      this.#entriesRead++;
    }
    return this.#entries.get(name) ?? 0;
  }
}

function withShared(
  config: NatConfig,
  pools: ReadonlyMap<string, PoolService>,
): DatapathConfig {
  const datapath = datapathConfig(config);
  return {
    ...datapath,
    services: datapath.services.map((service) => {
      const { board, maglev } = pools.get(service.name)!;
      const { workers } = config;
      return { ...service, board: board.buffer, workers, ...(maglev && { maglev }) };
    }),
  };
}

function newServer(
  service: ServiceConfig,
  server: ServiceConfig["servers"][number],
  nowMs: number,
  added: boolean,
): PoolServer {
  const made = new PoolServer(service, server, { nowMs, added });
  if (service.health?.agent) made.health.unchecked("no agent has reported yet", nowMs);
  return made;
}
