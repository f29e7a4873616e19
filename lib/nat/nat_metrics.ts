/**
 * What a NAT machine measures, for Prometheus; docs/monitoring.md says what each means. Read at each
 * scrape from what is counted anyway: nothing here goes through the sessions.
 *
 * @module
 */
import { natEndpointCapacity } from "./nat_endpoint_capacity.ts";
import { VERSION } from "../config/version.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { datapathMetrics } from "../metrics/datapath_metrics.ts";
import {
  counter,
  gauge,
  histogram,
  type Labels,
  type Metric,
  type Sample,
} from "../metrics/metric.ts";
import { processMetrics } from "../metrics/process_metrics.ts";
import { COUNTER } from "../session/counters.ts";
import { REASON, reasonKey } from "../session/path_reason.ts";
import { sumTraffic, type TrafficField, trafficKey } from "../session/service_traffic.ts";
import { formatEndpoint } from "../wire/address.ts";
import { protocolNumber } from "../wire/protocol.ts";
import type { NatMachine } from "./nat_machine.ts";
import { serverViews, viewSources } from "./nat_views.ts";
import { NO_CENSUS } from "./table_census.ts";
import { CLOSE } from "./session_keeper.ts";

/** Everything, as of now. */
export function natMetrics(machine: NatMachine): Metric[] {
  return [
    ...processMetrics("nat", VERSION),
    gauge("bypath_ready", "1 once packets are being translated", Number(machine.ready)),
    gauge(
      "bypath_host_shield",
      "1 while the host's own kernel is spared what the packet workers take, 0: it looks at it too",
      machine.workers.reduce((sum, { counters }) => sum + counters[COUNTER.hostShield]!, 0),
    ),
    ...serviceMetrics(machine),
    ...datapathMetrics(machine.workers.map(({ counters }) => counters), machine.config),
    ...ownPacketMetrics(machine),
    ...bypassMetrics(machine),
    ...tableMetrics(machine),
    ...serverMetrics(machine),
    ...agentMetrics(machine),
    ...operatorMetrics(machine),
  ];
}

function serviceMetrics(machine: NatMachine): Metric[] {
  const { config, servers, tally } = machine;
  const traffic = sumTraffic(machine.workers.map((worker) => worker.traffic));
  const services = config.services.map(({ name, vip, protocol }) => ({
    name,
    key: trafficKey(servers.entryOf(formatEndpoint(vip)), protocolNumber(protocol)),
  }));
  const passed = (fields: readonly [TrafficField, TrafficField], direct: typeof tally.packets) =>
    services.flatMap(({ name, key }): Sample[] => {
      const sample = (direction: string, path: string, value: number) => ({
        labels: { service: name, direction, path },
        value,
      });
      return [
        sample("inbound", "nat", traffic.get(key, fields[0])),
        sample("outbound", "nat", traffic.get(key, fields[1])),
        sample("outbound", "bypass", direct.value(name)),
      ];
    });
  return [
    gauge(
      "bypath_sessions",
      "Sessions that live, by the way that their next response takes",
      services.flatMap(({ name, key }): Sample[] => {
        const bypassing = tally.bypassing.get(name) ?? 0;
        const viaNat = Math.max(0, traffic.get(key, "sessions") - bypassing);
        return [
          { labels: { service: name, path: "nat" }, value: viaNat },
          { labels: { service: name, path: "bypass" }, value: bypassing },
        ];
      }),
    ),
    counter(
      "bypath_sessions_opened",
      "Sessions that began",
      services.map(({ name, key }) => ({
        labels: { service: name },
        value: traffic.get(key, "opened"),
      })),
    ),
    counter(
      "bypath_sessions_closed",
      "Sessions that ended, by how",
      services.flatMap(({ name, key }) =>
        Object.entries(CLOSE).map(([reason, code]) => ({
          labels: { service: name, reason },
          value: traffic.closedBy(key, code),
        }))
      ),
    ),
    counter(
      "bypath_service_packets",
      "Packets of sessions, by direction and path; of bypass what agents reported",
      passed(["packetsFromClient", "packetsViaNat"], tally.packets),
    ),
    counter(
      "bypath_service_bytes",
      "IP bytes of sessions, by direction and path; of bypass what agents reported",
      passed(["bytesFromClient", "bytesViaNat"], tally.bytes),
    ),
  ];
}

function ownPacketMetrics({ workers }: NatMachine): Metric[] {
  const sum = (field: number) =>
    workers.reduce((total, { counters }) => total + counters[field]!, 0);
  return [
    counter(
      "bypath_packets_answered",
      "Packets taken that were for the NAT machine itself, such as echo requests",
      sum(COUNTER.answered),
    ),
    counter(
      "bypath_packets_originated",
      "Packets of the NAT machine's own: resets, ICMP errors, echo replies",
      sum(COUNTER.replies),
    ),
  ];
}

/** Why an instruction ends when something is wrong: alerts look at these. */
const TROUBLES: readonly string[] = [
  REASON.noProgress,
  REASON.undelivered,
  REASON.lossy,
  REASON.refused,
  REASON.leaseEnded,
  REASON.agentLost,
].map(reasonKey);

function bypassMetrics({ tally, book, config }: NatMachine): Metric[] {
  const byService = (counts: typeof tally.sent): Sample[] =>
    config.services.map(({ name }) => ({ labels: { service: name }, value: counts.value(name) }));
  const troubled = (service: string, reason: string): Sample => ({
    labels: { service, reason },
    value: tally.stopped.value(service, reason),
  });
  return [
    gauge("bypath_instructions", "Instructions that agents hold or may hold", book.size),
    counter("bypath_instructions_sent", "Instructions sent to agents", byService(tally.sent)),
    counter(
      "bypath_instructions_installed",
      "Instructions that agents acknowledged",
      byService(tally.installed),
    ),
    counter("bypath_instructions_stopped", "Instructions that ended, by why", [
      // From 0 on, so that the first one shows as an increase.
      ...config.services.flatMap(({ name }) => TROUBLES.map((reason) => troubled(name, reason))),
      ...tally.stopped.samples.filter(({ labels }) => !TROUBLES.includes(labels!.reason!)),
    ]),
    counter(
      "bypath_bypass_declined",
      "How often a session met the start criteria and stayed via NAT, by why",
      tally.declined.samples,
    ),
    histogram(
      "bypath_bypass_start_seconds",
      "From the packet that met the start criteria to the agent's word that it translates from now on",
      tally.start.samples,
    ),
    histogram(
      "bypath_instruction_round_trip_seconds",
      "From sending an instruction to the agent's word that it translates",
      tally.roundTrip.samples,
    ),
  ];
}

function tableMetrics({ state, config, servers }: NatMachine): Metric[] {
  const capacity = (family: number) => natEndpointCapacity(config.snat, family);
  const used: Sample[] = [];
  const most: Sample[] = [];
  for (const [service, { board, config: { vip } }] of servers.services) {
    board.names.forEach((server, i) => {
      used.push({ labels: { service, server }, value: board.sessions[i]! });
      most.push({ labels: { service, server }, value: capacity(vip.address.family) });
    });
  }
  return [
    gauge(
      "bypath_session_table_used",
      "Places of the session table that sessions have, those that rest included",
      state.records.used,
    ),
    gauge("bypath_session_table_capacity", "Places of the session table", config.capacity),
    gauge(
      "bypath_nat_endpoints_used",
      "NAT endpoints that a service's sessions have towards a server, those that rest included",
      used,
    ),
    gauge(
      "bypath_nat_endpoints_capacity",
      "NAT endpoints that there are towards a server",
      most,
    ),
  ];
}

function serverMetrics(machine: NatMachine): Metric[] {
  const rows = serverViews(viewSources(machine), NO_CENSUS).map((row) => ({
    ...row,
    labels: { service: row.service, server: row.address },
  }));
  const each = (value: (row: typeof rows[number]) => number): Sample[] =>
    rows.map((row) => ({ labels: row.labels, value: value(row) }));
  return [
    gauge(
      "bypath_server_health",
      "1 for the state that the server is in, 0 for the others",
      byState(rows, ["up", "down", "unknown"], (row) => row.health),
    ),
    gauge(
      "bypath_server_share",
      "How much of its weight counts for new sessions now, 0 to 1",
      each((row) => row.share),
    ),
    gauge("bypath_server_weight", "Its weight by configuration", each((row) => row.weight)),
    gauge(
      "bypath_server_draining",
      "1 while an operator keeps new sessions away from it",
      each((row) => Number(row.draining)),
    ),
    gauge(
      "bypath_server_bypass",
      "1 for whether responses of the server can bypass, 0 for the others",
      byState(rows, ["able", "unable", "unknown"], (row) => row.agent.bypass),
    ),
  ];
}

function byState<Row extends { readonly labels: Labels }>(
  rows: readonly Row[],
  states: readonly string[],
  stateOf: (row: Row) => string,
): Sample[] {
  return rows.flatMap((row) =>
    states.map((state) => ({
      labels: { ...row.labels, state },
      value: Number(stateOf(row) === state),
    }))
  );
}

function agentMetrics({ agents, agentEvents, config }: NatMachine): Metric[] {
  const now = bootTimeMs();
  const all = agents.all();
  const each = (value: (agent: typeof all[number]) => number): Sample[] =>
    all.map((agent) => ({ labels: { agent: agent.name }, value: value(agent) }));
  return [
    gauge(
      "bypath_agent_connected",
      "1 while the agent is connected; agents that have been seen since the start",
      each((agent) => Number(agent.connected)),
    ),
    gauge(
      "bypath_agent_able",
      "1 while the agent says that it can bypass, and gives signs of life",
      each((agent) => Number(agent.connected && agent.able && !agent.silent)),
    ),
    gauge(
      "bypath_agent_report_age_seconds",
      "How long ago the agent's last report came",
      each((agent) => agent.lastReportMs === null ? NaN : (now - agent.lastReportMs) / 1000),
    ),
    gauge(
      "bypath_agent_instructions_capacity",
      "Most instructions for each agent",
      config.control?.instructions ?? 0,
    ),
    counter(
      "bypath_control_connections_refused",
      "Control connections that came to nothing",
      agentEvents.counts.refused,
    ),
    counter(
      "bypath_control_held_back",
      "How often an agent sent more than its share of the main thread's time",
      agentEvents.counts.heldBack,
    ),
  ];
}

function operatorMetrics({ operator }: NatMachine): Metric[] {
  const { all, services, servers, sessions, draining } = operator.orders;
  const counts = {
    all: Number(all),
    service: services.length,
    server: servers.length,
    session: sessions.length,
    drain: draining.length,
  };
  return [
    gauge(
      "bypath_operator_orders",
      "Orders of nat bypass stop and nat drain that stand, by what they are about",
      Object.entries(counts).map(([about, value]) => ({ labels: { about }, value })),
    ),
  ];
}
