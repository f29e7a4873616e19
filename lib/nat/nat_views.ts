import type { NatConfig } from "../config/nat_config.ts";
import { INSTRUCTION, U16, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { SessionViewer, usedSlots } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { formatEndpoint } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import type { FirstHop } from "./first_hop.ts";
import { startText, stopText } from "./criteria_text.ts";
import type { NatMachine } from "./nat_machine.ts";
import type { OperatorState } from "./operator_state.ts";
import type { ServerPool } from "./server_pool.ts";
import { type ServerRow, serverRows, serviceHealth } from "./server_views.ts";

/** What is counted per service and per server by going through the table. */
export interface TableCensus {
  readonly total: number;
  readonly bypass: number;
  /** By `protocol vip` and by `protocol vip server`. */
  readonly sessions: ReadonlyMap<string, number>;
  readonly bypassing: ReadonlyMap<string, number>;
}

/**
 * Counts the sessions of a table, those in quarantine left out, and towards servers those that are closed as well; texts
 * are made once a server.
 */
export function takeCensus(records: SessionRecords): TableCensus {
  // By VIP, server and protocol as one number.
  const sessions = new Map<number, number>();
  const bypassing = new Map<number, number>();
  let total = 0;
  let bypass = 0;
  const add = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1);
  for (const slot of usedSlots(records)) {
    const state = records.getU8(slot, U8.state);
    if (state === STATE.quarantine) continue;
    total++;
    // Nobody waits for a session that is over.
    if (state === STATE.closed) continue;
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

/** For those who need no counts of sessions, or count for themselves: nothing is gone through. */
export const NO_CENSUS: TableCensus = {
  total: 0,
  bypass: 0,
  sessions: new Map(),
  bypassing: new Map(),
};

/** What the views are made of. */
export interface ViewSources {
  readonly config: NatConfig;
  readonly records: SessionRecords;
  readonly servers: ServerPool;
  readonly operator: OperatorState;
  readonly firstHop: FirstHop;
}

/** Of a running machine. */
export function viewSources(
  { config, servers, operator, state, firstHop }: NatMachine,
): ViewSources {
  return { config, servers, operator, records: state.records, firstHop };
}

/** `inspect services`. */
export function serviceViews(sources: ViewSources): unknown[] {
  const census = takeCensus(sources.records);
  const rows = serverRows(sources, census);
  return sources.config.services.map((service) => {
    const vip = formatEndpoint(service.vip);
    const key = `${service.protocol} ${vip}`;
    return {
      name: service.name,
      protocol: service.protocol,
      vip,
      scheduler: service.scheduler,
      servers: service.servers.length,
      ...serviceHealth(rows.filter((row) => row.service === service.name)),
      sessions: census.sessions.get(key) ?? 0,
      bypassing: census.bypassing.get(key) ?? 0,
      start: startText(service.bypass.start),
      stop: stopText(service.bypass.stop),
    };
  });
}

/** `inspect servers`. */
export function serverViews(
  sources: ViewSources,
  census: TableCensus = takeCensus(sources.records),
): ServerRow[] {
  return serverRows(sources, census);
}
