import type { NatConfig } from "../config/nat_config.ts";
import {
  cpuObstacle,
  interfaceObstacle,
  type Obstacle,
  privilegeObstacle,
} from "../datapath/host_obstacle.ts";
import { isIpv6Off } from "../linux/interface_settings.ts";
import { RTN_BLACKHOLE, RTPROT_KERNEL } from "../linux/constants.ts";
import { BYPATH_ROUTE_PROTOCOL, type RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { formatPrefix, rangeContains } from "../wire/prefix.ts";
import { destinationsOf } from "./datapath_config.ts";
import { isRouteTo } from "./host_routes.ts";

/** Everything about this host that keeps the configuration from running; touches nothing. */
export function natObstacles(config: NatConfig, netlink: RouteNetlink): Obstacle[] {
  const links = netlink.links();
  const obstacles = config.interfaces.flatMap((name) => interfaceObstacle(name, links));
  const wrong = (message: string) => obstacles.push({ message, configuration: true });
  const own = netlink.addresses().map((it) => ({
    address: IpAddress.fromBytes(it.address),
    interface: links.find((link) => link.index === it.interfaceIndex)?.name ?? "?",
  }));
  for (const { address, interface: name } of own) {
    const services = config.services.filter((it) => it.vip.address.equals(address));
    if (services.length === 0) continue;
    const names = services.map((it) => it.name).join(", ");
    wrong(`Cannot serve VIP ${address} (${names}): this host has it on ${name}, remove it there`);
  }
  for (const range of config.snat.addresses) {
    for (const { address, interface: name } of own) {
      if (!rangeContains(range, address)) continue;
      wrong(`Cannot use SNAT address ${address}: this host has it on ${name}, remove it there`);
    }
  }
  // The kernel's own come with addresses, which are told above.
  const routes = netlink.routes().filter((it) =>
    it.type !== RTN_BLACKHOLE && it.protocol !== BYPATH_ROUTE_PROTOCOL &&
    it.protocol !== RTPROT_KERNEL
  );
  for (const prefix of destinationsOf(config)) {
    if (!routes.some((it) => isRouteTo(it, prefix))) continue;
    wrong(
      `Cannot answer for ${formatPrefix(prefix)}: this host has a route to it, remove it there`,
    );
  }
  const listen = config.control?.listen.address;
  if (listen !== undefined && !isAny(listen) && !own.some((it) => it.address.equals(listen))) {
    wrong(`Cannot listen for agents on ${listen}: no interface of this host has this address`);
  }
  const ipv6 = config.services.find(({ vip }) => vip.address.family === 6);
  if (ipv6 !== undefined && obstacles.length === 0 && config.interfaces.every(isIpv6Off)) {
    const [name] = config.interfaces;
    wrong(
      `Cannot serve VIP ${ipv6.vip.address} (${ipv6.name}): IPv6 is off on ${
        config.interfaces.join(" and ")
      }, set net.ipv6.conf.${name}.disable_ipv6 to 0`,
    );
  }
  obstacles.push(...cpuObstacle(config.cpus));
  obstacles.push(...privilegeObstacle("a NAT machine", ["CAP_NET_ADMIN", "CAP_NET_RAW"]));
  if (config.hostShield === true) {
    obstacles.push(...privilegeObstacle("a NAT machine with hostShield: true", ["CAP_BPF"]));
  }
  return obstacles;
}

function isAny(address: IpAddress): boolean {
  return address.toBytes().every((byte) => byte === 0);
}
