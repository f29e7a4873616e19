import type { ServiceConfig } from "../config/nat_config.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { formatEndpoint, parseEndpoint } from "../wire/address.ts";
import type { AgentView } from "./agent_registry.ts";
import type { PassiveSigns } from "../policy/health_passive.ts";
import type { ViewSources } from "./nat_views.ts";
import type { TableCensus } from "./table_census.ts";

/** A row of `inspect servers`. */
export interface ServerRow {
  readonly service: string;
  readonly address: string;
  readonly weight: number;
  readonly health: string;
  /** What the health comes from; null: nothing is known. */
  readonly healthReason: string | null;
  readonly healthSinceMs: number;
  readonly draining: boolean;
  /** No longer in the configuration; its sessions live on. */
  readonly removed: boolean;
  /** How much of its weight counts for new sessions now, 0 to 1. */
  readonly share: number;
  readonly sessions: number;
  /** How it answered new sessions; null when the service does not look. */
  readonly passive: PassiveSigns | null;
  readonly agent: AgentView;
}

/**
 * `inspect servers`: those of the configuration, then those that it no longer has while sessions of theirs live;
 * by {@linkcode serverKey}.
 */
export function serverRows(sources: ViewSources, census: TableCensus): Map<string, ServerRow> {
  const rows = sources.config.services.flatMap((service) =>
    service.servers.map(({ address, weight }) => row(service, formatEndpoint(address), weight))
  );
  return new Map([...rows, ...removedRows(sources, census)]);

  function row(
    service: ServiceConfig,
    address: string,
    weight: number,
  ): readonly [string, ServerRow] {
    const { servers, operator, firstHop } = sources;
    const now = bootTimeMs();
    const server = servers.get(service.name, address);
    return [serverKey(service, address), {
      service: service.name,
      address,
      weight,
      health: server?.health.status ?? "unknown",
      healthReason: server?.health.reason(now) ?? null,
      healthSinceMs: Math.max(0, Math.round(now - (server?.health.sinceMs ?? now))),
      draining: operator.drains(address),
      removed: false,
      share: Math.round(servers.share(service.name, address) * 1000) / 1000,
      sessions: census.sessions.get(serverKey(service, address)) ?? 0,
      passive: service.health?.passive === undefined ? null : { ...server!.counts },
      agent: firstHop.view({
        server: address,
        vip: String(service.vip.address),
      }),
    }];
  }
}

/** What the census has and the configuration has not. */
function removedRows(
  { config, firstHop }: ViewSources,
  census: TableCensus,
): (readonly [string, ServerRow])[] {
  const byKey = new Map(config.services.map((service) => [serviceKey(service), service]));
  return [...census.sessions].flatMap(([key, sessions]) => {
    const [protocol, vip, address] = key.split(" ");
    if (address === undefined) return [];
    const service = byKey.get(`${protocol} ${vip}`);
    if (service?.servers.some((it) => formatEndpoint(it.address) === address)) return [];
    return [[key, {
      service: service?.name ?? vip!,
      address,
      weight: 0,
      health: "unknown",
      healthReason: "no longer in the configuration",
      healthSinceMs: 0,
      draining: true,
      removed: true,
      share: 0,
      sessions,
      passive: null,
      agent: firstHop.view({
        server: address,
        vip: String(parseEndpoint(vip!).address),
      }),
    }]];
  });
}

/** What `inspect services` says of the health of all servers together. */
export function serviceHealth(rows: readonly ServerRow[]) {
  const own = rows.filter(({ removed }) => !removed);
  const able = own.filter(({ share, weight }) => share > 0 && weight > 0);
  const troubled = own.filter(({ health, share }) => health === "down" || share === 0);
  const reasons = troubled.map(({ address, health, healthReason, draining }) =>
    draining && health !== "down"
      ? `${address} is draining`
      : `${address} ${health}${healthReason === null ? "" : `: ${healthReason}`}`
  );
  const isKnown = own.some(({ health }) => health !== "unknown");
  return {
    up: able.length,
    health: able.length === 0 ? "down" : isKnown ? "up" : "unknown",
    healthReason: reasons.length === 0 ? null : reasons.join("; "),
    healthSinceMs: Math.min(...own.map(({ healthSinceMs }) => healthSinceMs)),
  };
}

/** `tcp 203.0.113.10:80`, as in a census. */
export function serviceKey({ protocol, vip }: ServiceConfig): string {
  return `${protocol} ${formatEndpoint(vip)}`;
}

/** `tcp 203.0.113.10:80 10.0.0.11:8080`, as in a census: stays the same when the service is called otherwise. */
export function serverKey(service: ServiceConfig, address: string): string {
  return `${serviceKey(service)} ${address}`;
}
