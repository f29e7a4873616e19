import { RT_TABLE_MAIN } from "../linux/constants.ts";
import { BYPATH_ROUTE_PROTOCOL, type Route, type RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { formatPrefix, type Prefix } from "../wire/prefix.ts";

/**
 * Blackhole routes for what the NAT machine answers for, so that its own kernel neither answers
 * such packets nor forwards them, whatever its settings. They carry a protocol number of ours, by
 * which those of a killed process are found and removed at the next start. Where the host has a
 * blackhole of its own, that one does.
 *
 * What has been answered for stays covered until the end: sessions of a service that is gone live on.
 */
export class HostRoutes implements Disposable {
  readonly #netlink: RouteNetlink;
  readonly #made: Prefix[] = [];

  constructor(netlink: RouteNetlink) {
    this.#netlink = netlink;
  }

  /**
   * Adds the routes that are missing: all of them or, on an error, none.
   *
   * @returns what takes them away again
   * @throws {LinuxError}
   */
  add(prefixes: readonly Prefix[]): () => void {
    const there = this.#netlink.routes();
    const before = this.#made.length;
    const undo = () => this.#remove(this.#made.splice(before));
    try {
      for (const prefix of prefixes) {
        if (there.some((route) => isRouteTo(route, prefix))) continue;
        this.#netlink.addRoute(routeOf(prefix));
        this.#made.push(prefix);
      }
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  }

  /** Those of the process before are this one's from now on. */
  takeOver(): void {
    const protocol = BYPATH_ROUTE_PROTOCOL;
    for (const { destination, prefixLength } of this.#netlink.routes({ protocol })) {
      const prefix = { address: IpAddress.fromBytes(destination), length: prefixLength };
      const text = formatPrefix(prefix);
      if (!this.#made.some((it) => formatPrefix(it) === text)) this.#made.push(prefix);
    }
  }

  /** They stay, for the process that takes over. */
  handOver(): void {
    this.#made.length = 0;
  }

  [Symbol.dispose](): void {
    this.#remove(this.#made.splice(0));
  }

  #remove(prefixes: readonly Prefix[]): void {
    for (const prefix of prefixes) this.#netlink.deleteRoute(routeOf(prefix));
  }
}

/** Is this a route of the main table to exactly that prefix? */
export function isRouteTo(route: Route, { address, length }: Prefix): boolean {
  return route.table === RT_TABLE_MAIN && route.family === address.family &&
    route.prefixLength === length && IpAddress.fromBytes(route.destination).equals(address);
}

/** Removes the routes that a killed process left; returns how many there were. */
export function removeLeftRoutes(netlink: RouteNetlink, protocol: number): number {
  const left = netlink.routes({ protocol });
  for (const { destination, prefixLength, table, metric } of left) {
    netlink.deleteRoute({ destination, prefixLength, table, metric, type: "blackhole", protocol });
  }
  return left.length;
}

function routeOf({ address, length }: Prefix) {
  return { destination: address.toBytes(), prefixLength: length, type: "blackhole" as const };
}
