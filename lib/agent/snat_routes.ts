import { RT_TABLE_MAIN, RTN_UNICAST } from "../linux/constants.ts";
import { BYPATH_ROUTE_PROTOCOL, type Route, type RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { contains, type Prefix } from "../wire/prefix.ts";

/**
 * IPv6 gives a route without a metric 1024, as it does the ordinary one: ours has to be smaller
 * where the ordinary route is for the same single address. IPv4 begins at 0.
 */
const IPV6_METRIC = 1;

/** The ordinary way to some SNAT addresses: what responses take when no agent runs. */
export interface SnatWay {
  readonly prefix: Prefix;
  readonly interfaceIndex: number;
  /** Source address that the kernel would choose for this way. */
  readonly preferredSource?: Uint8Array;
  readonly metric: number;
  readonly prefixLength: number;
}

/**
 * The route that the main table has for an address, ours left out: the longest prefix, among those
 * of one length the smallest metric (as ip-route(8) describes).
 */
export function ordinaryRoute(routes: readonly Route[], address: IpAddress): Route | undefined {
  let best: Route | undefined;
  for (const route of routes) {
    if (route.table !== RT_TABLE_MAIN || route.type !== RTN_UNICAST) continue;
    if (route.protocol === BYPATH_ROUTE_PROTOCOL || route.family !== address.family) continue;
    const prefix = { address: IpAddress.fromBytes(route.destination), length: route.prefixLength };
    if (!contains(prefix, address)) continue;
    const better = best === undefined || route.prefixLength > best.prefixLength ||
      (route.prefixLength === best.prefixLength && route.metric < best.metric);
    if (better) best = route;
  }
  return best;
}

/** Finds the ordinary way to each prefix; those that have none are left out. */
export function ordinaryWays(prefixes: readonly Prefix[], netlink: RouteNetlink): SnatWay[] {
  const routes = netlink.routes();
  const ways: SnatWay[] = [];
  for (const prefix of prefixes) {
    const route = ordinaryRoute(routes, prefix.address);
    const outInterface = route?.outInterface ?? route?.nextHops?.[0]?.outInterface;
    if (route === undefined || outInterface === undefined) continue;
    const lookup = netlink.routeGet(prefix.address.toBytes(), { outInterface });
    const preferredSource = lookup instanceof Error ? undefined : lookup.preferredSource;
    ways.push({
      prefix,
      interfaceIndex: outInterface,
      ...(preferredSource && { preferredSource }),
      metric: route.metric,
      prefixLength: route.prefixLength,
    });
  }
  return ways;
}

/**
 * Routes that lead the server's responses into the agent's tun device. They are more specific than
 * the ordinary route, and vanish with the device however this process ends.
 */
export class SnatRoutes {
  readonly #netlink: RouteNetlink;
  readonly #tunIndex: number;
  readonly #added: { destination: Uint8Array; prefixLength: number }[] = [];

  constructor(netlink: RouteNetlink, tunIndex: number) {
    this.#netlink = netlink;
    this.#tunIndex = tunIndex;
  }

  get count(): number {
    return this.#added.length;
  }

  /** Adds the routes for `ways`, all or none of them. @throws {LinuxError} */
  add(ways: readonly SnatWay[]): void {
    const before = this.#added.length;
    try {
      for (const way of ways) {
        for (const { address, length } of moreSpecific(way)) {
          const route = {
            destination: address.toBytes(),
            prefixLength: length,
            outInterface: this.#tunIndex,
            ...(address.family === 6 && { metric: IPV6_METRIC }),
            ...(way.preferredSource && { preferredSource: way.preferredSource }),
          };
          this.#netlink.addRoute(route);
          this.#added.push({ destination: route.destination, prefixLength: length });
        }
      }
    } catch (error) {
      this.#remove(before);
      throw error;
    }
  }

  clear(): void {
    this.#remove(0);
  }

  #remove(from: number): void {
    for (const route of this.#added.splice(from)) {
      this.#netlink.deleteRoute({ ...route, outInterface: this.#tunIndex });
    }
  }
}

/** The prefix itself, or its two halves where the ordinary route has the same prefix. */
function moreSpecific({ prefix, prefixLength }: SnatWay): Prefix[] {
  const whole = prefix.address.family === 4 ? 32 : 128;
  if (prefix.length !== prefixLength || prefix.length === whole) return [prefix];
  const words = [...prefix.address.words];
  const bit = (prefix.address.family === 4 ? 96 : 0) + prefix.length;
  words[bit >>> 5] = words[bit >>> 5]! | (1 << (31 - (bit & 31)));
  const upper = IpAddress.fromWords(words[0]!, words[1]!, words[2]!, words[3]!);
  const length = prefix.length + 1;
  return [{ address: prefix.address, length }, { address: upper, length }];
}
