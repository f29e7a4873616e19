/** Requests to the kernel about links, routes and neighbours, as plain values and bytes. Pure. */
import {
  AF_INET,
  AF_INET6,
  IFF_UP,
  IFLA_AF_SPEC,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_MTU,
  IFLA_TXQLEN,
  IN6_ADDR_GEN_MODE_NONE,
  NDA_DST,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NTF_USE,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MARK,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTN_BLACKHOLE,
  RTN_UNICAST,
} from "./constants.ts";
import {
  encodeAttributes,
  encodeText,
  encodeU32,
  type NetlinkAttribute,
  type NetlinkQuestion,
} from "./netlink_message.ts";
import { FIB_RULE_HDR, IFADDRMSG, IFINFOMSG, NDMSG, RTMSG } from "./structs.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** `rtm_protocol` of our own routes: a number that nobody has in /etc/iproute2/rt_protos. */
export const BYPATH_ROUTE_PROTOCOL = 98;

const RTMSG_TABLE_MAX = 255;

/** A route to add or to delete. Addresses are 4 or 16 bytes in network order. */
export interface RouteChange {
  /** The prefix's address, without bits beyond `prefixLength`. */
  readonly destination: Uint8Array;
  readonly prefixLength: number;
  /** Default "unicast". A "blackhole" drops packets in silence and needs no interface. */
  readonly type?: "unicast" | "blackhole";
  readonly outInterface?: number;
  readonly gateway?: Uint8Array;
  /** The smaller one wins; absent: the kernel's default when adding, any when deleting. */
  readonly metric?: number;
  /** RTPROT_*: who made it; default {@link BYPATH_ROUTE_PROTOCOL}. */
  readonly protocol?: number;
  readonly preferredSource?: Uint8Array;
  /** Default 254 (main). */
  readonly table?: number;
  /** Takes the place of a route with the same prefix and metric instead of failing with EEXIST. */
  readonly replace?: boolean;
}

/** What to look up a route for, besides the destination. */
export interface RouteQuery {
  /** Only routes over this interface. */
  readonly outInterface?: number;
  readonly mark?: number;
  readonly source?: Uint8Array;
}

/** What to change of a link. */
export interface LinkChange {
  readonly index: number;
  readonly up?: boolean;
  readonly mtu?: number;
  /** How many packets may wait for whoever reads the tun device. */
  readonly txQueueLength?: number;
  /**
   * "none": when it comes up the kernel gives it no link-local IPv6 address, and so sends nothing
   * of its own there: no router solicitation, no report of multicast groups.
   */
  readonly ipv6Addresses?: "none";
}

/** A link, by name or by index, or all of them. */
export function linkQuestion(link?: string | number): NetlinkQuestion {
  const body = new Uint8Array(IFINFOMSG.size);
  if (typeof link === "number") setU32(body, IFINFOMSG.offsets.ifi_index, link);
  if (typeof link !== "string") return { type: RTM_GETLINK, body };
  return { type: RTM_GETLINK, body, attributes: [{ type: IFLA_IFNAME, value: encodeText(link) }] };
}

export function linkChange(change: LinkChange): NetlinkQuestion {
  const body = new Uint8Array(IFINFOMSG.size);
  setU32(body, IFINFOMSG.offsets.ifi_index, change.index);
  if (change.up !== undefined) {
    setU32(body, IFINFOMSG.offsets.ifi_flags, change.up ? IFF_UP : 0);
    setU32(body, IFINFOMSG.offsets.ifi_change, IFF_UP);
  }
  const attributes = [
    ...optionalU32(IFLA_MTU, change.mtu),
    ...optionalU32(IFLA_TXQLEN, change.txQueueLength),
    ...(change.ipv6Addresses === "none" ? [NO_IPV6_ADDRESSES] : []),
  ];
  return { type: RTM_NEWLINK, body, attributes };
}

const NO_IPV6_ADDRESSES: NetlinkAttribute = {
  type: IFLA_AF_SPEC,
  value: encodeAttributes([{
    type: AF_INET6,
    value: encodeAttributes([
      { type: IFLA_INET6_ADDR_GEN_MODE, value: new Uint8Array([IN6_ADDR_GEN_MODE_NONE]) },
    ]),
  }]),
};

/** All addresses of a family. */
export function addressesQuestion(family: 4 | 6): NetlinkQuestion {
  const body = new Uint8Array(IFADDRMSG.size);
  body[IFADDRMSG.offsets.ifa_family] = addressFamily(family);
  return { type: RTM_GETADDR, body };
}

/** All policy routing rules of a family. */
export function rulesQuestion(family: 4 | 6): NetlinkQuestion {
  const body = new Uint8Array(FIB_RULE_HDR.size);
  body[FIB_RULE_HDR.offsets.family] = addressFamily(family);
  return { type: RTM_GETRULE, body };
}

/** All routes of a family, of every table; with `protocol`, only those. */
export function routesQuestion(family: 4 | 6, protocol = 0): NetlinkQuestion {
  const body = new Uint8Array(RTMSG.size);
  body[RTMSG.offsets.rtm_family] = addressFamily(family);
  body[RTMSG.offsets.rtm_protocol] = protocol;
  return { type: RTM_GETROUTE, body };
}

/** Which route the kernel would take to a destination. */
export function routeQuestion(destination: Uint8Array, query: RouteQuery): NetlinkQuestion {
  const { outInterface, mark, source } = query;
  const body = new Uint8Array(RTMSG.size);
  body[RTMSG.offsets.rtm_family] = familyOf(destination);
  body[RTMSG.offsets.rtm_dst_len] = destination.length * 8;
  body[RTMSG.offsets.rtm_src_len] = (source?.length ?? 0) * 8;
  const attributes = [
    { type: RTA_DST, value: copy(destination) },
    ...optionalBytes(RTA_SRC, source),
    ...optionalU32(RTA_OIF, outInterface),
    ...optionalU32(RTA_MARK, mark),
  ];
  return { type: RTM_GETROUTE, body, attributes };
}

export function routeAddition(route: RouteChange): NetlinkQuestion {
  const blackhole = route.type === "blackhole";
  const onLink = !blackhole && route.gateway === undefined && route.destination.length === 4;
  return {
    ...routeChange(route, onLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE),
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | (route.replace ? NLM_F_REPLACE : NLM_F_EXCL),
  };
}

export function routeDeletion(route: RouteChange): NetlinkQuestion {
  // RT_SCOPE_NOWHERE matches every scope (fib_table_delete in the kernel's fib_trie.c).
  return { ...routeChange(route, RT_SCOPE_NOWHERE), type: RTM_DELROUTE };
}

function routeChange(route: RouteChange, scope: number) {
  const { destination, table = RT_TABLE_MAIN, type = "unicast" } = route;
  const body = new Uint8Array(RTMSG.size);
  body[RTMSG.offsets.rtm_family] = familyOf(destination);
  body[RTMSG.offsets.rtm_dst_len] = route.prefixLength;
  body[RTMSG.offsets.rtm_table] = table <= RTMSG_TABLE_MAX ? table : RT_TABLE_UNSPEC;
  body[RTMSG.offsets.rtm_protocol] = route.protocol ?? BYPATH_ROUTE_PROTOCOL;
  body[RTMSG.offsets.rtm_scope] = scope;
  body[RTMSG.offsets.rtm_type] = type === "blackhole" ? RTN_BLACKHOLE : RTN_UNICAST;
  const attributes = [
    { type: RTA_DST, value: copy(destination) },
    { type: RTA_TABLE, value: encodeU32(table) },
    ...optionalU32(RTA_OIF, route.outInterface),
    ...optionalBytes(RTA_GATEWAY, route.gateway),
    ...optionalU32(RTA_PRIORITY, route.metric),
    ...optionalBytes(RTA_PREFSRC, route.preferredSource),
  ];
  return { body, attributes };
}

/** All neighbours of a family. */
export function neighboursQuestion(family: 4 | 6): NetlinkQuestion {
  const body = new Uint8Array(NDMSG.size);
  body[NDMSG.offsets.ndm_family] = addressFamily(family);
  return { type: RTM_GETNEIGH, body };
}

/** One neighbour. */
export function neighbourQuestion(interfaceIndex: number, address: Uint8Array): NetlinkQuestion {
  return { type: RTM_GETNEIGH, ...neighbourBody(interfaceIndex, address) };
}

/** Makes the kernel look for a neighbour as if it had a packet for it (`ip neigh … use`). */
export function neighbourRequest(interfaceIndex: number, address: Uint8Array): NetlinkQuestion {
  const { body, attributes } = neighbourBody(interfaceIndex, address);
  body[NDMSG.offsets.ndm_flags] = NTF_USE;
  return { type: RTM_NEWNEIGH, flags: NLM_F_CREATE, body, attributes };
}

function neighbourBody(interfaceIndex: number, address: Uint8Array) {
  const body = new Uint8Array(NDMSG.size);
  body[NDMSG.offsets.ndm_family] = familyOf(address);
  setU32(body, NDMSG.offsets.ndm_ifindex, interfaceIndex);
  return { body, attributes: [{ type: NDA_DST, value: copy(address) }] };
}

function familyOf(address: Uint8Array): number {
  if (address.length !== 4 && address.length !== 16) {
    throw new TypeError(`Cannot use an IP address of ${address.length} bytes`);
  }
  return addressFamily(address.length === 4 ? 4 : 6);
}

function addressFamily(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

function optionalU32(type: number, value: number | undefined): NetlinkAttribute[] {
  return value === undefined ? [] : [{ type, value: encodeU32(value) }];
}

function optionalBytes(type: number, value: Uint8Array | undefined): NetlinkAttribute[] {
  return value === undefined ? [] : [{ type, value: copy(value) }];
}

function copy(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

function setU32(body: Bytes, offset: number, value: number): void {
  new DataView(body.buffer).setUint32(offset, value, true);
}
