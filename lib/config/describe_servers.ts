import type { ServiceConfig } from "./nat_config.ts";
import { formatDurationMs, formatStatusRange } from "./units.ts";

/** Health, slow start and affinity of a service in plain lines, one fact a line. */
export function describeServers({ health, slowStartMs, affinity }: ServiceConfig): string[] {
  return [
    ...describeHealth(health),
    ...(slowStartMs === 0 ? [] : [
      `slow start: the share of a server that comes up or is added rises to its weight within ${
        formatDurationMs(slowStartMs)
      }`,
    ]),
    ...(affinity === undefined ? [] : [
      `affinity: clients of one ${
        affinity.ipv4 === 32 && affinity.ipv6 === 128
          ? "address"
          : `prefix (IPv4 /${affinity.ipv4}, IPv6 /${affinity.ipv6})`
      } stay with their server, until ${
        formatDurationMs(affinity.timeoutMs)
      } after their last session`,
    ]),
  ];
}

function describeHealth(health: ServiceConfig["health"]): string[] {
  if (health === undefined) return ["health: not checked, every server counts as able"];
  const { passive, intervalMs, timeoutMs, rise, fall } = health;
  const kind = checkName(health);
  return [
    ...(kind === null ? [] : [
      `health: ${kind} every ${formatDurationMs(intervalMs)}, failed after ` +
      `${formatDurationMs(timeoutMs)}; up after ${rise} good, down after ${fall} bad`,
    ]),
    ...(passive === undefined ? [] : [
      `health: down after ${passive.failures} sessions in a row refused or not answered within ${
        formatDurationMs(passive.withinMs)
      }`,
    ]),
  ];
}

function checkName({ tcp, http, agent }: NonNullable<ServiceConfig["health"]>): string | null {
  if (tcp) return "TCP connection";
  if (agent) return "TCP connection by the server's agent";
  if (http === undefined) return null;
  const status = http.status.map(formatStatusRange).join(", ");
  return `HTTP GET ${http.path}${http.host === undefined ? "" : ` of ${http.host}`}, ` +
    `good with status ${status},`;
}
