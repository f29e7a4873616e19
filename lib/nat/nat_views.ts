import type { NatConfig } from "../config/nat_config.ts";
import { INSTRUCTION, U16, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_table.ts";
import { SessionViewer, usedSlots } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { formatEndpoint } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import type { FirstHop } from "./first_hop.ts";
import { startText, stopText } from "./criteria_text.ts";
import type { HealthChecks } from "./health_checks.ts";
import type { OperatorState } from "./operator_state.ts";

/** What is counted per service and per server by going through the table. */
export interface TableCensus {
  readonly total: number;
  readonly bypass: number;
  /** By `protocol vip` and by `protocol vip server`. */
  readonly sessions: ReadonlyMap<string, number>;
  readonly bypassing: ReadonlyMap<string, number>;
}

/** Counts the sessions of a table, those in quarantine left out; texts are made once a server. */
export function takeCensus(records: SessionRecords): TableCensus {
  // By VIP, server and protocol as one number.
  const sessions = new Map<number, number>();
  const bypassing = new Map<number, number>();
  let total = 0;
  let bypass = 0;
  const add = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const slot of usedSlots(records)) {
    if (records.getU8(slot, U8.state) === STATE.quarantine) continue;
    total++;
    const key = (records.getU8(slot, U8.protocol) * 65536 + records.getU16(slot, U16.vip)) *
        65536 + records.getU16(slot, U16.server);
    add(sessions, key);
    if (records.getU8(slot, U8.instruction) !== INSTRUCTION.installed) continue;
    bypass++;
    add(bypassing, key);
  }
  const named = namedCounts(records);
  return { total, bypass, sessions: named(sessions), bypassing: named(bypassing) };
}

/** Turns counts by number into counts by `protocol vip` and `protocol vip server`. */
function namedCounts(records: SessionRecords) {
  const viewer = new SessionViewer(records);
  return (counts: ReadonlyMap<number, number>): Map<string, number> => {
    const named = new Map<string, number>();
    for (const [key, count] of counts) {
      const protocol = protocolName(Math.floor(key / 2 ** 32));
      const service = `${protocol} ${viewer.endpointText(Math.floor(key / 65536) % 65536)}`;
      named.set(service, (named.get(service) ?? 0) + count);
      named.set(`${service} ${viewer.endpointText(key % 65536)}`, count);
    }
    return named;
  };
}

/** What the views are made of. */
export interface ViewSources {
  readonly config: NatConfig;
  readonly records: SessionRecords;
  readonly health: HealthChecks;
  readonly operator: OperatorState;
  readonly firstHop: FirstHop;
}

/** `inspect services`. */
export function serviceViews({ config, records, health, operator }: ViewSources): unknown[] {
  const census = takeCensus(records);
  return config.services.map((service) => {
    const vip = formatEndpoint(service.vip);
    const key = `${service.protocol} ${vip}`;
    const up = service.servers.filter((server) => {
      const name = formatEndpoint(server.address);
      return health.able(service.name, name) && !operator.drains(name) && server.weight > 0;
    });
    return {
      name: service.name,
      protocol: service.protocol,
      vip,
      scheduler: service.scheduler,
      servers: service.servers.length,
      up: up.length,
      sessions: census.sessions.get(key) ?? 0,
      bypassing: census.bypassing.get(key) ?? 0,
      start: startText(service.bypass.start),
      stop: stopText(service.bypass.stop),
    };
  });
}

/** `inspect servers`. */
export function serverViews(
  { config, records, health, operator, firstHop }: ViewSources,
): unknown[] {
  const census = takeCensus(records);
  return config.services.flatMap((service) =>
    service.servers.map((server) => {
      const address = formatEndpoint(server.address);
      const key = `${service.protocol} ${formatEndpoint(service.vip)} ${address}`;
      return {
        service: service.name,
        address,
        weight: server.weight,
        health: health.status(service.name, address),
        draining: operator.drains(address),
        sessions: census.sessions.get(key) ?? 0,
        agent: firstHop.view({
          server: address,
          vip: String(service.vip.address),
        }),
      };
    })
  );
}
