import type { RouteNetlink } from "../linux/rtnetlink.ts";
import type { Prefix } from "../wire/prefix.ts";

/**
 * Blackhole routes for what the NAT machine answers for, so that its own kernel neither answers
 * such packets nor forwards them, whatever its settings. They carry a protocol number of ours, by
 * which those of a killed process are found and removed at the next start.
 */
export class HostRoutes implements Disposable {
  readonly #netlink: RouteNetlink;
  #prefixes: readonly Prefix[] = [];

  constructor(netlink: RouteNetlink) {
    this.#netlink = netlink;
  }

  /** Makes the routes those of `prefixes`, adding and removing what differs. */
  set(prefixes: readonly Prefix[]): void {
    for (const prefix of this.#prefixes) {
      if (!prefixes.some((other) => samePrefix(prefix, other))) this.#remove(prefix);
    }
    for (const prefix of prefixes) {
      if (this.#prefixes.some((other) => samePrefix(prefix, other))) continue;
      this.#netlink.addRoute({ ...routeOf(prefix), replace: true });
    }
    this.#prefixes = prefixes;
  }

  #remove(prefix: Prefix): void {
    this.#netlink.deleteRoute(routeOf(prefix));
  }

  [Symbol.dispose](): void {
    for (const prefix of this.#prefixes) this.#remove(prefix);
    this.#prefixes = [];
  }
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

function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && a.address.equals(b.address);
}
