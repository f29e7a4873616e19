import type { AgentConfig } from "../config/agent_config.ts";
import { RTN_UNICAST } from "../linux/constants.ts";
import { openPacketSocket } from "../linux/packet_socket.ts";
import type { Link, RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { isIpv6Off } from "../linux/interface_settings.ts";
import { directWay, routerMac } from "./direct_way.ts";
import { captureObstacle } from "./host_checks.ts";

const TUN_PATH = "/dev/net/tun";

/** One thing that was looked at before a bypass. */
export interface AbilityCheck {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/**
 * Whether this host could bypass, as far as it can be told without a NAT machine: a way to it, what
 * the kernel does with packets there, the MTU of where direct responses leave.
 * @param addresses those that the agent's certificate names: their families matter
 */
export async function ability(
  config: AgentConfig,
  addresses: readonly string[],
  netlink: RouteNetlink,
): Promise<AbilityCheck[]> {
  const families = new Set(addresses.map((it) => IpAddress.parse(it).family));
  const checks: AbilityCheck[] = [tunCheck()];
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
    if (families.has(4)) {
      const obstacle = captureObstacle(name, 4);
      checks.push({
        what: "rp_filter",
        ok: obstacle === null,
        detail: obstacle ?? `not strict on ${name}`,
      });
    }
    if (families.has(6)) {
      const off = isIpv6Off(name);
      checks.push({ what: "ipv6", ok: !off, detail: `${off ? "off" : "on"} on ${name}` });
    }
    const link = netlink.link(name);
    if (link === undefined) continue;
    checks.push({ what: "mtu", ok: link.mtu >= 1280, detail: `${link.mtu} bytes on ${name}` });
    checks.push(superPacketCheck(link));
  }
  for (const family of families) checks.push(await clientsCheck(netlink, family, config.interface));
  return checks;
}

/**
 * The way that direct responses take. Whether the router lets virtual addresses pass as a source is
 * tested when a NAT machine is there to see it (`inspect servers` tells).
 */
async function clientsCheck(
  netlink: RouteNetlink,
  family: 4 | 6,
  interfaceName: string | undefined,
): Promise<AbilityCheck> {
  const what = family === 4 ? "clients" : "clients, IPv6";
  const way = directWay(netlink, family, interfaceName);
  // Clients may all be where other routes lead, and a family may have none.
  if (typeof way === "string") return { what, ok: true, detail: `not tested: ${way}` };
  const router = IpAddress.fromBytes(way.gateway as Uint8Array<ArrayBuffer>);
  const isThere = await routerMac(netlink, way) !== null;
  return {
    what,
    ok: isThere,
    detail: `the router ${router} on ${way.link.name} ${
      isThere
        ? "answers; a NAT machine tests whether it lets virtual addresses pass"
        : "does not answer"
    }`,
  };
}

/** Packets of up to 64 KiB, which the kernel cuts as they leave. */
function superPacketCheck({ index, name }: Link): AbilityCheck {
  try {
    openPacketSocket({ interfaceIndex: index, protocol: 0, vnetHeader: true }).close();
    return { what: "gso", ok: true, detail: `${name} takes super-packets` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { what: "gso", ok: false, detail: why };
  }
}

/** The device is root's alone on some hosts, whatever capabilities a process has. */
function tunCheck(): AbilityCheck {
  try {
    Deno.openSync(TUN_PATH, { read: true, write: true }).close();
    return { what: "tun", ok: true, detail: `${TUN_PATH} can be opened` };
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such device, load the tun module"
      : "permission denied, give this user access to it";
    return { what: "tun", ok: false, detail: `${TUN_PATH}: ${why}` };
  }
}
