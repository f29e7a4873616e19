/**
 * What the kernel says about links, addresses, routes and neighbours, as plain values
 * (rtnetlink(7)). Pure. IP addresses are 4 or 16 bytes in network order.
 */
import {
  AF_INET,
  AF_INET6,
  FRA_PRIORITY,
  FRA_TABLE,
  IFA_ADDRESS,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_TXQLEN,
  NDA_DST,
  NDA_LLADDR,
  NUD_DELAY,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTAX_MTU,
} from "./constants.ts";
import {
  decodeAttributes,
  decodeText,
  decodeU32,
  type NetlinkAttributes,
} from "./netlink_message.ts";
import { FIB_RULE_HDR, IFADDRMSG, IFINFOMSG, NDMSG, RTMSG, RTNEXTHOP } from "./structs.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  /** Whether an operator switched it on. */
  readonly up: boolean;
  /** Whether it has a carrier as well. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** ARPHRD_*, such as 1 for Ethernet, 65534 for none (tun). */
  readonly hardwareType: number;
  /** Its MAC address; empty where there is none. */
  readonly linkLayerAddress: Bytes;
  readonly txQueueLength: number;
  /** "veth", "bridge", "tun", …; "" for a plain device. */
  readonly kind: string;
  /** The bridge or bond that it belongs to. */
  readonly master?: number;
}

/** An IP address of an interface. */
export interface InterfaceAddress {
  readonly interfaceIndex: number;
  readonly family: 4 | 6;
  readonly address: Bytes;
  readonly prefixLength: number;
  /** RT_SCOPE_*: 0 global, 253 link, 254 host. */
  readonly scope: number;
  /** Not usable yet: duplicate address detection goes on. */
  readonly tentative: boolean;
}

/** Where a packet goes next. */
export interface NextHop {
  readonly outInterface?: number;
  /** Absent: the destination itself is on the link. 16 bytes are possible for an IPv4 route. */
  readonly gateway?: Bytes;
}

/** A route, of the table or as the answer to a lookup. */
export interface Route extends NextHop {
  readonly family: 4 | 6;
  /** The prefix's address; all zeros for a default route. */
  readonly destination: Bytes;
  readonly prefixLength: number;
  /** RTN_*: 1 unicast, 2 local, 6 blackhole, … */
  readonly type: number;
  readonly table: number;
  /** RTPROT_*: who made it. */
  readonly protocol: number;
  readonly scope: number;
  /** The smaller one wins; 0 when none is given. */
  readonly metric: number;
  /** RTM_F_* and RTNH_F_*. */
  readonly flags: number;
  readonly preferredSource?: Bytes;
  /** As set on the route or learnt for the destination; absent: the interface's. */
  readonly mtu?: number;
  /** Of a route with several. */
  readonly nextHops?: readonly NextHop[];
}

/** An entry of the ARP or neighbour discovery table. */
export interface Neighbour {
  readonly interfaceIndex: number;
  readonly family: 4 | 6;
  readonly address: Bytes;
  /** NUD_* */
  readonly state: number;
  /** NTF_* */
  readonly flags: number;
  /** Present when it is known; see {@link isUsable}. */
  readonly linkLayerAddress?: Bytes;
}

/** A policy routing rule. */
export interface RoutingRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly table: number;
}

const USABLE = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

/** Whether the kernel itself would send to the neighbour's MAC address (NUD_VALID). */
export function isUsable(neighbour: Neighbour): boolean {
  return (neighbour.state & USABLE) !== 0 && neighbour.linkLayerAddress !== undefined;
}

/**
 * Reads the payload of RTM_NEWLINK or RTM_DELLINK; null for what is not about the link itself: a
 * port that leaves a bridge is RTM_DELLINK too, of family AF_BRIDGE, and lives on.
 */
export function decodeLink(payload: Bytes): Link | null {
  if (payload.length < IFINFOMSG.size || payload[IFINFOMSG.offsets.ifi_family] !== 0) return null;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, IFINFOMSG.size);
  const flags = view.getUint32(IFINFOMSG.offsets.ifi_flags, true);
  const info = attributes.get(IFLA_LINKINFO);
  const kind = info && decodeAttributes(info).get(IFLA_INFO_KIND);
  const master = attributes.get(IFLA_MASTER);
  return {
    index: view.getInt32(IFINFOMSG.offsets.ifi_index, true),
    name: decodeText(attributes.get(IFLA_IFNAME) ?? new Uint8Array()),
    mtu: decodeU32(attributes.get(IFLA_MTU)),
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    hardwareType: view.getUint16(IFINFOMSG.offsets.ifi_type, true),
    linkLayerAddress: attributes.get(IFLA_ADDRESS) ?? new Uint8Array(),
    txQueueLength: decodeU32(attributes.get(IFLA_TXQLEN)),
    kind: kind === undefined ? "" : decodeText(kind),
    ...(master && { master: decodeU32(master) }),
  };
}

/** Reads the payload of RTM_NEWADDR or RTM_DELADDR; null for other families than IP. */
export function decodeInterfaceAddress(payload: Bytes): InterfaceAddress | null {
  if (payload.length < IFADDRMSG.size) return null;
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(IFADDRMSG.offsets.ifa_family));
  const attributes = decodeAttributes(payload, IFADDRMSG.size);
  // On a point-to-point link IFA_ADDRESS is the peer's (linux/if_addr.h).
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (family === null || address === undefined) return null;
  const longFlags = attributes.get(IFA_FLAGS);
  const flags = longFlags ? decodeU32(longFlags) : view.getUint8(IFADDRMSG.offsets.ifa_flags);
  return {
    interfaceIndex: view.getUint32(IFADDRMSG.offsets.ifa_index, true),
    family,
    address,
    prefixLength: view.getUint8(IFADDRMSG.offsets.ifa_prefixlen),
    scope: view.getUint8(IFADDRMSG.offsets.ifa_scope),
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
  };
}

/** Reads the payload of RTM_NEWROUTE or RTM_DELROUTE; null for other families than IP. */
export function decodeRoute(payload: Bytes): Route | null {
  if (payload.length < RTMSG.size) return null;
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(RTMSG.offsets.rtm_family));
  if (family === null) return null;
  const attributes = decodeAttributes(payload, RTMSG.size);
  const table = attributes.get(RTA_TABLE);
  return {
    family,
    destination: attributes.get(RTA_DST) ?? new Uint8Array(family === 4 ? 4 : 16),
    prefixLength: view.getUint8(RTMSG.offsets.rtm_dst_len),
    type: view.getUint8(RTMSG.offsets.rtm_type),
    table: table ? decodeU32(table) : view.getUint8(RTMSG.offsets.rtm_table),
    protocol: view.getUint8(RTMSG.offsets.rtm_protocol),
    scope: view.getUint8(RTMSG.offsets.rtm_scope),
    metric: decodeU32(attributes.get(RTA_PRIORITY)),
    flags: view.getUint32(RTMSG.offsets.rtm_flags, true),
    ...decodeNextHop(attributes),
    ...decodeRouteExtras(attributes),
  };
}

function decodeRouteExtras(attributes: NetlinkAttributes) {
  const preferredSource = attributes.get(RTA_PREFSRC);
  const metrics = attributes.get(RTA_METRICS);
  const mtu = metrics && decodeU32(decodeAttributes(metrics).get(RTAX_MTU));
  const multipath = attributes.get(RTA_MULTIPATH);
  return {
    ...(preferredSource && { preferredSource }),
    ...(mtu && { mtu }),
    ...(multipath && { nextHops: decodeMultipath(multipath) }),
  };
}

function decodeNextHop(attributes: NetlinkAttributes): NextHop {
  const outInterface = decodeU32(attributes.get(RTA_OIF));
  // struct rtvia: u16 family, then the address, for a gateway of the other family.
  const gateway = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  return { ...(outInterface && { outInterface }), ...(gateway && { gateway }) };
}

function decodeMultipath(value: Bytes): NextHop[] {
  const view = viewOf(value);
  const nextHops: NextHop[] = [];
  for (let at = 0; at + RTNEXTHOP.size <= value.length;) {
    const length = view.getUint16(at + RTNEXTHOP.offsets.rtnh_len, true);
    if (length < RTNEXTHOP.size || at + length > value.length) break;
    const attributes = decodeAttributes(value.subarray(at, at + length), RTNEXTHOP.size);
    const outInterface = view.getInt32(at + RTNEXTHOP.offsets.rtnh_ifindex, true);
    nextHops.push({ ...decodeNextHop(attributes), outInterface });
    at += (length + 3) & ~3;
  }
  return nextHops;
}

/** Reads the payload of RTM_NEWNEIGH or RTM_DELNEIGH; null for other families than IP. */
export function decodeNeighbour(payload: Bytes): Neighbour | null {
  if (payload.length < NDMSG.size) return null;
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(NDMSG.offsets.ndm_family));
  const attributes = decodeAttributes(payload, NDMSG.size);
  const address = attributes.get(NDA_DST);
  if (family === null || address === undefined) return null;
  const linkLayerAddress = attributes.get(NDA_LLADDR);
  return {
    interfaceIndex: view.getInt32(NDMSG.offsets.ndm_ifindex, true),
    family,
    address,
    state: view.getUint16(NDMSG.offsets.ndm_state, true),
    flags: view.getUint8(NDMSG.offsets.ndm_flags),
    ...(linkLayerAddress && { linkLayerAddress }),
  };
}

/** Reads the payload of RTM_NEWRULE or RTM_DELRULE; null for other families than IP. */
export function decodeRule(payload: Bytes): RoutingRule | null {
  if (payload.length < FIB_RULE_HDR.size) return null;
  const view = viewOf(payload);
  const family = ipFamily(view.getUint8(FIB_RULE_HDR.offsets.family));
  if (family === null) return null;
  const attributes = decodeAttributes(payload, FIB_RULE_HDR.size);
  const table = attributes.get(FRA_TABLE);
  return {
    family,
    priority: decodeU32(attributes.get(FRA_PRIORITY)),
    table: table ? decodeU32(table) : view.getUint8(FIB_RULE_HDR.offsets.table),
  };
}

function ipFamily(family: number): 4 | 6 | null {
  return family === AF_INET ? 4 : family === AF_INET6 ? 6 : null;
}

function viewOf(bytes: Bytes): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
