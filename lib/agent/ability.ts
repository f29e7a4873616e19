import type { AgentConfig } from "../config/agent_config.ts";
import { RTN_UNICAST } from "../linux/constants.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import { captureObstacle } from "./host_checks.ts";

/** One thing that was looked at before a bypass. */
export interface AbilityCheck {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/**
 * Whether this host could bypass, as far as it can be told without a NAT machine: a way to it, the
 * setting of reverse-path filtering there, the MTU of where direct responses leave.
 */
export function ability(config: AgentConfig, netlink: RouteNetlink): AbilityCheck[] {
  const checks: AbilityCheck[] = [];
  const names = new Set<string>();
  for (const { address } of config.nat) {
    const route = netlink.routeGet(address.toBytes());
    const found = !(route instanceof Error) && route.type === RTN_UNICAST;
    const link = found && route.outInterface !== undefined
      ? netlink.link(route.outInterface)
      : undefined;
    if (link !== undefined) names.add(link.name);
    checks.push({
      what: "route",
      ok: link !== undefined,
      detail: link === undefined
        ? `no way to the NAT machine ${address}`
        : `${address} is reached by ${link.name}`,
    });
  }
  if (config.interface !== undefined) names.add(config.interface);
  for (const name of names) {
    const obstacle = captureObstacle(name);
    checks.push({
      what: "rp_filter",
      ok: obstacle === null,
      detail: obstacle ?? `not strict on ${name}`,
    });
    const link = netlink.link(name);
    if (link === undefined) continue;
    checks.push({ what: "mtu", ok: link.mtu >= 1280, detail: `${link.mtu} bytes on ${name}` });
  }
  return checks;
}
