/**
 * What a configuration means, for people (`nat check`, `agent check`) and for programs (with `--json`).
 *
 * @module
 */

import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import { countAddresses, formatAddressRange, formatPrefix } from "../wire/prefix.ts";
import type { BypassConfig } from "./criteria_config.ts";
import type { AgentConfig } from "./agent_config.ts";
import { describeServers } from "./describe_servers.ts";
import type { NatConfig, ServiceConfig } from "./nat_config.ts";
import { formatLoad, formatRate, type Rate } from "./rate.ts";
import { describeBypass } from "./describe_criteria.ts";
import { formatDurationMs } from "./units.ts";

/** nat.yaml in plain lines, one fact a line. */
export function describeNat(config: NatConfig): string[] {
  const { snat, control, timeouts } = config;
  return [
    `interfaces: ${config.interfaces.join(", ")}`,
    ...describeSnat(snat),
    `capacity: at most ${config.capacity} sessions at a time in all`,
    ...describeWorkers(config),
    ...config.services.flatMap((service) => describeService(service, control !== undefined)),
    control
      ? `agents: connect to ${formatEndpoint(control.listen)}, ` +
        `leases of ${formatDurationMs(control.leaseMs)}, ` +
        `reports every ${formatDurationMs(control.reportMs)}, ` +
        `at most ${control.instructions} instructions each`
      : "agents: none, as there is no control section: every response goes by way of this machine",
    config.announce
      ? "announce: ARP and neighbour discovery are answered for the VIPs and SNAT addresses"
      : "announce: nothing, so networks must route the VIPs and SNAT addresses to this machine",
    config.refuse === "reject"
      ? "refused packets: answered with RST or ICMP unreachable"
      : "refused packets: dropped in silence",
    config.echo ? "echo: the VIPs answer ping" : "echo: the VIPs do not answer ping",
    `timeouts: TCP ${formatDurationMs(timeouts.tcpOpeningMs)} opening, ` +
    `${formatDurationMs(timeouts.tcpEstablishedMs)} idle, ` +
    `${formatDurationMs(timeouts.tcpClosingMs)} closing; ` +
    `UDP ${formatDurationMs(timeouts.udpOpeningMs)} opening, ${
      formatDurationMs(timeouts.udpMs)
    } idle`,
    ...describeShield(config.hostShield),
    `quarantine: a NAT endpoint rests for ${formatDurationMs(config.quarantineMs)}`,
    `files: ${config.socket} (inspect), ${config.state} (session table)`,
    ...(config.metrics ? [`metrics: http://${formatEndpoint(config.metrics)}/metrics`] : []),
  ];
}

function describeShield(hostShield: "auto" | boolean): string[] {
  if (hostShield === false) return [];
  const where = hostShield === "auto" ? ", where CAP_BPF and Linux 6.6 are there" : "";
  return [
    `host shield: this host's own kernel, its nftables included, does not see packets of ours${where}`,
  ];
}

/** What is said about the packet workers; nothing when there is one as by default. */
function describeWorkers(
  { workers, cpus, busyPollUs }: {
    readonly workers: number;
    readonly cpus?: readonly number[];
    readonly busyPollUs: number;
  },
): string[] {
  if (workers === 1 && cpus === undefined && busyPollUs === 0) return [];
  const place = cpus === undefined ? "on any CPU" : `on CPU ${cpus.join(", ")}`;
  const wait = busyPollUs === 0 ? "" : `, asking for ${busyPollUs}us before sleeping`;
  return [`packet workers: ${workers}, ${place}${wait}`];
}

/** One line a family: a server's sessions have NAT endpoints of its own family. */
function describeSnat({ addresses, portFirst, portLast }: NatConfig["snat"]): string[] {
  return [4, 6].flatMap((family) => {
    const ranges = addresses.filter(({ first }) => first.family === family);
    if (ranges.length === 0) return [];
    const count = ranges.reduce((sum, range) => sum + countAddresses(range), 0);
    return `SNAT: ${ranges.map(formatAddressRange).join(", ")}, ports ${portFirst}-${portLast}: ` +
      `at most ${count * (portLast - portFirst + 1)} sessions at a time with one server endpoint`;
  });
}

function describeService(service: ServiceConfig, agents: boolean): string[] {
  const { name, protocol, vip, scheduler, servers } = service;
  const total = servers.reduce((sum, server) => sum + server.weight, 0);
  return [
    `service ${name}: ${protocol} ${formatEndpoint(vip)}, ${scheduler}`,
    ...servers.map(({ address, weight }) =>
      `  server ${formatEndpoint(address)}, ` +
      (weight === 0
        ? "weight 0: no new sessions"
        : `weight ${weight}: ${Math.round((100 * weight) / total)} % of the new sessions`)
    ),
    ...describeServers(service).map((line) => `  ${line}`),
    ...(agents ? describeBypass(service) : ["bypass: never, as there is no control section"])
      .map((line) => `  ${line}`),
  ];
}

/** agent.yaml in plain lines, one fact a line. */
export function describeAgent(config: AgentConfig): string[] {
  return [
    `NAT machines: ${config.nat.map(formatEndpoint).join(", ")}`,
    `direct responses: by ${config.interface ?? "the routing table"}`,
    ...describeWorkers(config),
    `certificate: ${config.certificate}, key ${config.key}, authority ${config.ca}`,
    `files: ${config.socket} (inspect)`,
    ...(config.metrics ? [`metrics: http://${formatEndpoint(config.metrics)}/metrics`] : []),
  ];
}

/** nat.yaml with every default filled in, for JSON: endpoints and ranges as text, without the notices. */
export function plainNatConfig(config: NatConfig) {
  const { notices: _, snat, services, control, metrics, ...rest } = config;
  return {
    ...rest,
    snat: { ...snat, addresses: snat.addresses.map(formatAddressRange) },
    services: services.map((service) => ({
      ...service,
      vip: formatEndpoint(service.vip),
      servers: service.servers.map(plainServer),
      bypass: plainBypass(service.bypass),
    })),
    control: control ? { ...control, listen: formatEndpoint(control.listen) } : null,
    metrics: metrics ? formatEndpoint(metrics) : null,
  };
}

function plainBypass({ start, stop }: BypassConfig) {
  const { clients, load, all } = start;
  return {
    start: {
      ...start,
      ...plainRate(start),
      ...(all && { all: all.map((one) => ({ ...one, ...plainRate(one) })) }),
      ...(clients && { clients: clients.map(formatPrefix) }),
      ...(load && { load: formatLoad(load) }),
    },
    stop: { ...stop, ...plainRate(stop) },
  };
}

function plainRate({ rate }: { readonly rate?: Rate }) {
  return rate && { rate: formatRate(rate) };
}

function plainServer(server: { address: Endpoint; weight: number }) {
  return { ...server, address: formatEndpoint(server.address) };
}

/** agent.yaml with every default filled in, for JSON. */
export function plainAgentConfig(config: AgentConfig) {
  const { notices: _, nat, interface: name, metrics, ...rest } = config;
  return {
    nat: nat.map(formatEndpoint),
    interface: name ?? null,
    metrics: metrics ? formatEndpoint(metrics) : null,
    ...rest,
  };
}
