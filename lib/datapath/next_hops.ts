import type { RouteMonitor, RouteNetlink } from "../linux/rtnetlink.ts";
import { IpAddress } from "../wire/address.ts";
import { ETHERNET_HEADER_BYTES, VNET_HEADER_BYTES } from "./engine.ts";

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
 * when rtnetlink tells of a change. Looking up a remembered hop allocates nothing for IPv4.
 */
export class NextHops {
  readonly #options: NextHopsOptions;
  readonly #hops: (Hop | null)[] = [null];
  readonly #byKey = new Map<string, number>();
  readonly #byWord = new Map<number, number>();
  readonly #byText = new Map<string, number>();
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
    const v4 = words[offset] === 0 && words[offset + 1] === 0 && words[offset + 2] === 0xffff;
    if (v4) {
      const known = this.#byWord.get(words[offset + 3]!);
      if (known !== undefined) return known;
    }
    return this.#lookUp(words, offset, v4);
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
      if (event.kind === "neighbour") this.#neighbourChanged(event.interfaceIndex, event.address);
      else if (event.kind === "link") this.#linkChanged(event.index);
      else this.#forgetRoutes();
    });
    if (nowMs - this.#confirmedMs < CONFIRM_MS) return;
    this.#confirmedMs = nowMs;
    for (const hop of this.#hops) {
      if (hop === null || !hop.used) continue;
      hop.used = false;
      // Raw frames do not confirm a neighbour as ordinary traffic does: ask for it by name.
      this.#options.netlink.requestNeighbour(this.#index(hop), hop.address.toBytes());
    }
  }

  #lookUp(words: Int32Array, offset: number, v4: boolean): number {
    const address = IpAddress.fromWords(
      words[offset]!,
      words[offset + 1]!,
      words[offset + 2]!,
      words[offset + 3]!,
    );
    const text = v4 ? "" : String(address);
    const known = v4 ? undefined : this.#byText.get(text);
    if (known !== undefined) return known;
    const hop = this.#route(address);
    if (this.#byWord.size + this.#byText.size >= REMEMBERED_ROUTES) {
      this.#byWord.clear();
      this.#byText.clear();
    }
    if (v4) this.#byWord.set(words[offset + 3]!, hop);
    else this.#byText.set(text, hop);
    return hop;
  }

  #route(address: IpAddress): number {
    const outInterface = this.#options.outInterface?.(address);
    const route = this.#options.netlink.routeGet(
      address.toBytes(),
      outInterface === undefined ? {} : { outInterface },
    );
    if (route instanceof Error || route.type !== "unicast") return 0;
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
    hop.mac = this.#linkAddress(hop);
    if (hop.mac === null) this.#request(hop);
    return number;
  }

  #linkAddress(hop: Hop): Uint8Array | null {
    const neighbour = this.#options.netlink.neighbour(this.#index(hop), hop.address.toBytes());
    return neighbour !== null && neighbour.valid && neighbour.linkAddress?.length === 6
      ? neighbour.linkAddress
      : null;
  }

  #request(hop: Hop): void {
    if (this.#nowMs - hop.requestedMs < REQUEST_MS) return;
    hop.requestedMs = this.#nowMs;
    this.#options.netlink.requestNeighbour(this.#index(hop), hop.address.toBytes());
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
    hop.mac = this.#linkAddress(hop);
    if (before === null && hop.mac !== null) this.onResolved(number);
  }

  #linkChanged(index: number): void {
    const link = this.#options.interfaces.find((i) => i.index === index);
    const now = this.#options.netlink.link(index);
    if (link === undefined || now === null) return;
    link.mtu = now.mtu;
    link.mac = now.address;
    this.#forgetRoutes();
  }

  #forgetRoutes(): void {
    this.#byWord.clear();
    this.#byText.clear();
    this.#epoch = this.#epoch >= 65535 ? 1 : this.#epoch + 1;
  }
}
