import { RTN_UNICAST } from "../linux/constants.ts";
import { isUsable, type Link, type RouteMonitor, type RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { equalMacs } from "../wire/ethernet.ts";
import { ETHERNET_HEADER_BYTES, VNET_HEADER_BYTES } from "./engine.ts";
import { RouteCache } from "./route_cache.ts";

const MAXIMUM_HOPS = 65535;
const REMEMBERED_ROUTES = 65536;
/** How often hops in use are shown to the kernel, which then confirms what has grown stale. */
const CONFIRM_MS = 5_000;
const REQUEST_MS = 1_000;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/** One interface that packets leave by. */
export interface HopInterface {
  readonly index: number;
  readonly name: string;
  mac: Uint8Array;
  mtu: number;
}

/** What {@linkcode NextHops} needs of an interface, from the kernel. */
export function hopInterface(netlink: RouteNetlink, name: string): HopInterface {
  const link = netlink.link(name);
  if (link === undefined) {
    throw new Error(`Cannot use interface "${name}": there is no such interface`);
  }
  return { index: link.index, name, mac: link.linkLayerAddress, mtu: link.mtu };
}

interface Hop {
  readonly output: number;
  readonly address: IpAddress;
  mac: Uint8Array | null;
  used: boolean;
  requestedMs: number;
}

export interface NextHopsOptions {
  readonly netlink: RouteNetlink;
  readonly monitor: RouteMonitor;
  /** Packets leave by these alone; a route by another interface is no route. */
  readonly interfaces: readonly HopInterface[];
  /** 1 to 65535; different from what an earlier process left in the table. */
  readonly firstEpoch: number;
  /** The outgoing interface that a lookup is bound to; absent: as the routing table says. */
  readonly outInterface?: (address: IpAddress) => number | undefined;
}

/**
 * Next hops and their link addresses, as the kernel has them: routes by RTM_GETROUTE, link
 * addresses from its neighbour table (and asked of it by NTF_USE), both remembered, and dropped
 * when rtnetlink tells of a change. Looking up a remembered hop allocates nothing.
 */
export class NextHops {
  readonly #options: NextHopsOptions;
  readonly #hops: (Hop | null)[] = [null];
  readonly #byKey = new Map<string, number>();
  readonly #routes = new RouteCache(REMEMBERED_ROUTES);
  #epoch: number;
  #confirmedMs = 0;
  #nowMs = 0;
  /** Called when a hop's link address has become known. */
  onResolved: (hop: number) => void = () => {};

  constructor(options: NextHopsOptions) {
    this.#options = options;
    this.#epoch = options.firstEpoch;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get interfaces(): readonly HopInterface[] {
    return this.#options.interfaces;
  }

  /** The hop to an address given as 4 words, 0 when there is no route by our interfaces. */
  toAddress(words: Int32Array, offset: number): number {
    const known = this.#routes.get(words, offset);
    return known >= 0 ? known : this.#lookUp(words, offset);
  }

  /** Index into `interfaces` of the one that the hop leaves by. */
  output(hop: number): number {
    return this.#hops[hop]!.output;
  }

  resolved(hop: number): boolean {
    const known = this.#hops[hop]!;
    if (known.mac !== null) return true;
    this.#request(known);
    return known.mac !== null;
  }

  /** Largest IP packet that the hop's link carries. */
  mtu(hop: number): number {
    return this.#options.interfaces[this.#hops[hop]!.output]!.mtu;
  }

  /** Writes the Ethernet header of a packet that leaves by this hop, which must be resolved. */
  writeEthernet(hop: number, view: DataView, slot: number): void {
    const known = this.#hops[hop]!;
    const at = slot + VNET_HEADER_BYTES;
    const to = known.mac!;
    const from = this.#options.interfaces[known.output]!.mac;
    for (let i = 0; i < 6; i++) {
      view.setUint8(at + i, to[i]!);
      view.setUint8(at + 6 + i, from[i]!);
    }
    const version = view.getUint8(at + ETHERNET_HEADER_BYTES) >>> 4;
    view.setUint16(at + 12, version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    known.used = true;
  }

  /** Follows the kernel's changes and confirms what is in use. */
  maintain(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#options.monitor.drain((event) => {
      switch (event.kind) {
        case "neighbour":
          return this.#neighbourChanged(event.neighbour.interfaceIndex, event.neighbour.address);
        case "link":
          return this.#linkChanged(event.link);
        case "overrun":
          for (const hop of this.#hops) if (hop !== null) this.#refresh(hop);
          return this.forget();
        default:
          return this.forget();
      }
    });
    if (nowMs - this.#confirmedMs < CONFIRM_MS) return;
    this.#confirmedMs = nowMs;
    for (const hop of this.#hops) {
      if (hop === null || !hop.used) continue;
      hop.used = false;
      // Raw frames do not confirm a neighbour as ordinary traffic does: ask for it by name.
      this.#ask(hop);
    }
  }

  #lookUp(words: Int32Array, offset: number): number {
    const address = IpAddress.fromWords(
      words[offset]!,
      words[offset + 1]!,
      words[offset + 2]!,
      words[offset + 3]!,
    );
    const hop = this.#route(address);
    this.#routes.set(words, offset, hop);
    return hop;
  }

  #route(address: IpAddress): number {
    const outInterface = this.#options.outInterface?.(address);
    const route = this.#options.netlink.routeGet(
      address.toBytes(),
      outInterface === undefined ? {} : { outInterface },
    );
    if (route instanceof Error || route.type !== RTN_UNICAST) return 0;
    const output = this.#options.interfaces.findIndex((i) => i.index === route.outInterface);
    if (output < 0) return 0;
    const gateway = route.gateway === undefined ? address : IpAddress.fromBytes(route.gateway);
    return this.#hop(output, gateway);
  }

  #hop(output: number, address: IpAddress): number {
    const key = `${output} ${address}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.#hops.length > MAXIMUM_HOPS) return 0;
    const number = this.#hops.length;
    const hop: Hop = { output, address, mac: null, used: false, requestedMs: -Infinity };
    this.#hops.push(hop);
    this.#byKey.set(key, number);
    this.#refresh(hop);
    if (hop.mac === null) this.#request(hop);
    return number;
  }

  #refresh(hop: Hop): void {
    const neighbour = this.#options.netlink.neighbour(this.#index(hop), hop.address.toBytes());
    const usable = neighbour !== undefined && isUsable(neighbour) &&
      neighbour.linkLayerAddress!.length === 6;
    hop.mac = usable ? neighbour.linkLayerAddress! : null;
  }

  #request(hop: Hop): void {
    if (this.#nowMs - hop.requestedMs < REQUEST_MS) return;
    hop.requestedMs = this.#nowMs;
    this.#ask(hop);
  }

  #ask(hop: Hop): void {
    try {
      this.#options.netlink.requestNeighbour(this.#index(hop), hop.address.toBytes());
    } catch {
      // The interface is down or gone: its link event says so, and packets are counted meanwhile.
    }
  }

  #index(hop: Hop): number {
    return this.#options.interfaces[hop.output]!.index;
  }

  #neighbourChanged(interfaceIndex: number, bytes: Uint8Array): void {
    const output = this.#options.interfaces.findIndex((i) => i.index === interfaceIndex);
    if (output < 0) return;
    const number = this.#byKey.get(`${output} ${IpAddress.fromBytes(bytes)}`);
    if (number === undefined) return;
    const hop = this.#hops[number]!;
    const before = hop.mac;
    this.#refresh(hop);
    if (before === null && hop.mac !== null) this.onResolved(number);
  }

  #linkChanged(changed: Link): void {
    const link = this.#options.interfaces.find((i) => i.index === changed.index);
    if (link === undefined) return;
    if (link.mtu === changed.mtu && equalMacs(link.mac, changed.linkLayerAddress)) return;
    link.mtu = changed.mtu;
    link.mac = changed.linkLayerAddress;
    this.forget();
  }

  /** Looks every route up anew. */
  forget(): void {
    this.#routes.clear();
    this.#epoch = this.#epoch >= 65535 ? 1 : this.#epoch + 1;
  }
}
