import type { NatConfig } from "../config/nat_config.ts";
import { missingCapabilities } from "../linux/capabilities.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { rangeContains } from "../wire/prefix.ts";

const ARPHRD_ETHER = 1;

/** Why a NAT machine cannot run here. */
export interface Obstacle {
  readonly message: string;
  /** The configuration does not fit this host, as opposed to: the host does not let us. */
  readonly configuration: boolean;
}

/** The capabilities that `nat run` needs. */
export const NAT_CAPABILITIES = ["CAP_NET_ADMIN", "CAP_NET_RAW"] as const;

/** Everything about this host that keeps the configuration from running; touches nothing. */
export function natObstacles(config: NatConfig, netlink: RouteNetlink): Obstacle[] {
  const obstacles: Obstacle[] = [];
  const wrong = (message: string) => obstacles.push({ message, configuration: true });
  const links = netlink.links();
  for (const name of config.interfaces) {
    const link = links.find((it) => it.name === name);
    if (link === undefined) {
      const known = links.filter((it) => !it.loopback).map((it) => it.name).join(", ");
      wrong(
        `Cannot use interface "${name}": there is no such interface, this host has ${
          known || "none"
        }`,
      );
    } else if (link.hardwareType !== ARPHRD_ETHER) {
      wrong(`Cannot use interface "${name}": it is not an Ethernet interface`);
    }
  }
  const own = netlink.addresses().map((it) => ({
    address: IpAddress.fromBytes(it.address),
    interface: links.find((link) => link.index === it.interfaceIndex)?.name ?? "?",
  }));
  for (const { name, vip } of config.services) {
    const owner = own.find(({ address }) => address.equals(vip.address));
    if (owner !== undefined) {
      wrong(
        `Cannot serve VIP ${vip.address} of service "${name}": this host has it on ${owner.interface}, remove it there`,
      );
    }
  }
  for (const range of config.snat.addresses) {
    for (const { address, interface: name } of own) {
      if (!rangeContains(range, address)) continue;
      wrong(`Cannot use SNAT address ${address}: this host has it on ${name}, remove it there`);
    }
  }
  const missing = missingCapabilities([...NAT_CAPABILITIES]);
  if (missing.length > 0) {
    obstacles.push({
      message: `Cannot run a NAT machine: needs ${
        missing.join(" and ")
      }, run it as root or grant it`,
      configuration: false,
    });
  }
  return obstacles;
}
