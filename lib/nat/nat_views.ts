import type { NatConfig } from "../config/nat_config.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { formatEndpoint } from "../wire/address.ts";
import type { FirstHop } from "./first_hop.ts";
import { startText, stopText } from "./criteria_text.ts";
import type { NatMachine } from "./nat_machine.ts";
import type { OperatorState } from "./operator_state.ts";
import type { ServerPool } from "./server_pool.ts";
import { type ServerRow, serverRows, serviceHealth, serviceKey } from "./server_views.ts";
import type { TableCensus } from "./table_census.ts";

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
export function serviceViews(sources: ViewSources, census: TableCensus): unknown[] {
  const rows = [...serverRows(sources, census).values()];
  return sources.config.services.map((service) => {
    const vip = formatEndpoint(service.vip);
    const key = serviceKey(service);
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
  census: TableCensus,
): ServerRow[] {
  return [...serverRows(sources, census).values()];
}
