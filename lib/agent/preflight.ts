import type { AgentConfig } from "../config/agent_config.ts";
import {
  cpuObstacle,
  interfaceObstacle,
  type Obstacle,
  privilegeObstacle,
} from "../datapath/host_obstacle.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";

/**
 * Everything about this host that keeps the configuration from running; touches nothing.
 * @param addresses those that the agent's certificate names
 */
export function agentObstacles(
  config: AgentConfig,
  addresses: readonly string[],
  netlink: RouteNetlink,
): Obstacle[] {
  const obstacles = config.interface === undefined
    ? []
    : interfaceObstacle(config.interface, netlink.links());
  const own = netlink.addresses().map((it) => String(IpAddress.fromBytes(it.address)));
  const foreign = addresses.filter((address) => !own.includes(address));
  if (addresses.length === 0 || foreign.length > 0) {
    const why = addresses.length === 0
      ? `names no address, issue one with bypath keys issue NAME --address IP`
      : `names ${foreign.join(", ")}, which this host does not have`;
    obstacles.push({
      message: `Cannot speak for a server: the certificate ${config.certificate} ${why}`,
      configuration: true,
    });
  }
  obstacles.push(...cpuObstacle(config.cpus));
  obstacles.push(...privilegeObstacle("an agent", ["CAP_NET_ADMIN", "CAP_NET_RAW"]));
  return obstacles;
}
