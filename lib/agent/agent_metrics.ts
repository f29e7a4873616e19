/**
 * What an agent measures, for Prometheus; docs/monitoring.md says what each means.
 *
 * @module
 */
import { VERSION } from "../config/version.ts";
import { datapathMetrics } from "../metrics/datapath_metrics.ts";
import { counter, gauge, histogram, type Metric } from "../metrics/metric.ts";
import { processMetrics } from "../metrics/process_metrics.ts";
import { COUNTER } from "../session/counters.ts";
import type { AgentMachine } from "./agent_machine.ts";

/** Everything, as of now. */
export function agentMetrics(agent: AgentMachine): Metric[] {
  const { counters, store, tally, ability } = agent;
  const direct = counters[COUNTER.bypassed]!;
  return [
    ...processMetrics("agent", VERSION),
    gauge("bypath_ready", "1 once packets are being carried", Number(agent.ready)),
    gauge(
      "bypath_bypass_able",
      "1 while this host can bypass, in one address family at least",
      Number(ability.able),
    ),
    counter("bypath_response_packets", "Packets of the server's responses, by path", [
      { labels: { path: "bypass" }, value: direct },
      { labels: { path: "nat" }, value: tally.viaNat(counters[COUNTER.forwarded]!, direct) },
    ]),
    counter(
      "bypath_bypass_bytes",
      "IP bytes of responses sent directly",
      counters[COUNTER.bytesBypassed]!,
    ),
    ...datapathMetrics([counters], agent.config),
    gauge("bypath_instructions", "Instructions held", store.size),
    gauge("bypath_instructions_capacity", "Most instructions that can be held", store.capacity),
    counter("bypath_instructions_installed", "Instructions taken into use", tally.installed),
    counter("bypath_instructions_removed", "Instructions taken out of use", tally.removed),
    gauge(
      "bypath_nat_connected",
      "1 while the NAT machine is connected",
      agent.links().map(({ address, connected }) => ({
        labels: { nat: address },
        value: Number(connected),
      })),
    ),
    histogram(
      "bypath_control_round_trip_seconds",
      "From sending a report to the NAT machine's answer",
      tally.roundTrip.samples,
    ),
  ];
}
