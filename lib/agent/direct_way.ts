import { RT_TABLE_MAIN, RTN_UNICAST } from "../linux/constants.ts";
import { isUsable, type Link, type Route, type RouteNetlink } from "../linux/rtnetlink.ts";

/** Where direct responses to clients somewhere leave this host. */
export interface DirectWay {
  readonly link: Link;
  /** The router before the clients, 4 or 16 bytes. */
  readonly gateway: Uint8Array;
}

/** How long a router that was not heard of lately may take to answer. */
const NEIGHBOUR_MS = 1_000;
const NEIGHBOUR_STEP_MS = 20;

/**
 * The way to clients that no route names: the default route, by that interface when it is given.
 * @returns why there is none to test, when there is none
 */
export function directWay(
  netlink: RouteNetlink,
  family: 4 | 6,
  interfaceName: string | undefined,
): DirectWay | string {
  const wanted = interfaceName === undefined ? undefined : netlink.link(interfaceName);
  let best: { route: Route; gateway?: Uint8Array; outInterface: number } | undefined;
  for (const route of netlink.routes()) {
    if (route.family !== family || route.prefixLength !== 0) continue;
    if (route.table !== RT_TABLE_MAIN || route.type !== RTN_UNICAST) continue;
    for (const { gateway, outInterface } of route.nextHops ?? [route]) {
      if (outInterface === undefined) continue;
      if (wanted !== undefined && outInterface !== wanted.index) continue;
      if (best !== undefined && best.route.metric <= route.metric) continue;
      best = { route, outInterface, ...(gateway && { gateway }) };
    }
  }
  if (best === undefined) return `no default route${by(interfaceName)}`;
  const link = netlink.link(best.outInterface);
  if (link === undefined) return `no default route${by(interfaceName)}`;
  if (best.gateway === undefined) {
    return `the default route has no router, clients are on ${link.name}`;
  }
  if (link.linkLayerAddress.length !== 6) return `${link.name} is not an Ethernet link`;
  return { link, gateway: best.gateway };
}

function by(interfaceName: string | undefined): string {
  return interfaceName === undefined ? "" : ` by ${interfaceName}`;
}

/** The link address of the router, asked for when the kernel does not know it; null: it does not answer. */
export async function routerMac(
  netlink: RouteNetlink,
  { link, gateway }: DirectWay,
): Promise<Uint8Array | null> {
  for (let waitedMs = 0;; waitedMs += NEIGHBOUR_STEP_MS) {
    const known = netlink.neighbour(link.index, gateway);
    if (known !== undefined && isUsable(known)) return known.linkLayerAddress!;
    if (waitedMs >= NEIGHBOUR_MS) return null;
    if (waitedMs === 0) netlink.requestNeighbour(link.index, gateway);
    await new Promise((resolve) => setTimeout(resolve, NEIGHBOUR_STEP_MS));
  }
}
