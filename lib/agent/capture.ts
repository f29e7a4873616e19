import type { UnableFamilies } from "../control/messages.ts";
import { LinuxError } from "../linux/error.ts";
import { turnIpv6On } from "../linux/interface_settings.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import type { TunDevice } from "../linux/tun.ts";
import { familyName } from "../wire/address.ts";
import { formatPrefix, type Prefix } from "../wire/prefix.ts";
import { captureObstacle } from "./host_checks.ts";
import { ordinaryWays, SnatRoutes, type SnatWay } from "./snat_routes.ts";

/**
 * Leads responses to SNAT addresses into the tun device, each family for itself: what stands in the
 * way of one does not keep the other from bypassing.
 */
export class Capture {
  readonly #netlink: RouteNetlink;
  readonly #tun: TunDevice;
  readonly #routes: SnatRoutes;
  #prefixes: readonly Prefix[] = [];
  #ways: readonly SnatWay[] = [];
  #unable: UnableFamilies = {};
  #families = 0;

  /** For a device that is not up yet. */
  constructor(netlink: RouteNetlink, tun: TunDevice) {
    this.#netlink = netlink;
    this.#tun = tun;
    this.#routes = new SnatRoutes(netlink, tun.interfaceIndex);
    try {
      netlink.setLink({ index: tun.interfaceIndex, ipv6Addresses: "none" });
    } catch (error) {
      // A kernel without IPv6 has nothing to be silent about.
      if (!(error instanceof LinuxError && error.code === "EAFNOSUPPORT")) throw error;
    }
  }

  /** The ordinary ways to the addresses: whoever reads the device has to know them before `begin`. */
  get ways(): readonly SnatWay[] {
    return this.#ways;
  }

  /** Why responses of a family are not captured; nothing about a family that is, or is not wanted. */
  get unable(): UnableFamilies {
    return this.#unable;
  }

  /** Is there a family whose responses are captured, or nothing to capture? */
  get able(): boolean {
    return this.#families === 0 || Object.keys(this.#unable).length < this.#families;
  }

  /** Everything that stands in the way, or null. */
  get reason(): string | null {
    return [...new Set(Object.values(this.#unable))].join("; ") || null;
  }

  /** Takes other SNAT addresses, and finds the ordinary ways to them. Nothing is captured yet. */
  survey(prefixes: readonly Prefix[]): void {
    this.#prefixes = prefixes;
    this.#ways = ordinaryWays(prefixes, this.#netlink);
  }

  /** From here on captures the responses to these addresses, and to no others. */
  begin(): void {
    this.#routes.clear();
    this.#unable = {};
    this.#families = 0;
    for (const family of [4, 6] as const) {
      const wanted = this.#prefixes.filter(({ address }) => address.family === family);
      if (wanted.length === 0) continue;
      this.#families++;
      const obstacle = this.#capture(wanted, family);
      if (obstacle !== null) this.#unable[familyName(wanted[0]!.address)] = obstacle;
    }
  }

  clear(): void {
    this.#routes.clear();
  }

  /** Leads one family's responses into the device; returns what stands in the way. */
  #capture(wanted: readonly Prefix[], family: 4 | 6): string | null {
    const ways = this.#ways.filter(({ prefix }) => wanted.includes(prefix));
    const missing = wanted.find((it) => !ways.some(({ prefix }) => prefix === it));
    if (missing !== undefined) {
      return `no route to the SNAT addresses ${
        formatPrefix(missing)
      }: route them to the NAT machine`;
    }
    for (const index of new Set(ways.map((way) => way.interfaceIndex))) {
      const name = this.#netlink.link(index)?.name ?? String(index);
      const obstacle = captureObstacle(name, family);
      if (obstacle !== null) return obstacle;
    }
    if (family === 6 && !turnIpv6On(this.#tun.name)) {
      return `IPv6 is off on ${this.#tun.name}: set net.ipv6.conf.default.disable_ipv6 to 0`;
    }
    try {
      this.#routes.add(ways);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
