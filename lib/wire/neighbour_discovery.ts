/**
 * Neighbour solicitations and advertisements (RFC 4861 sections 4.3, 4.4 and 7): what ARP is for IPv4.
 *
 * ```
 *  0      1      2          4             8                24
 *  | type | 0    | checksum | flags       | target address | options: type, length in 8 bytes, data
 *                           | R S O       |
 * ```
 *
 * `Packet.parse` refuses them: their destinations are groups, their sources often link-local.
 *
 * @module
 */

import { IpAddress } from "./address.ts";
import { finish, pseudoHeaderSum, sum16 } from "./checksum.ts";
import { emitEthernet, ETHERNET_HEADER_BYTES, ETHERTYPE_IPV6 } from "./ethernet.ts";
import { ICMPV6_NEIGHBOUR_ADVERTISEMENT, ICMPV6_NEIGHBOUR_SOLICITATION } from "./icmpv6.ts";
import { emitIpv6Header, IPV6_HEADER_BYTES, Ipv6View } from "./ipv6.ts";
import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { PROTOCOL_ICMPV6 } from "./protocol.ts";
import { BAD_ICMP, PARSED, UNKNOWN_PROTOCOL } from "./reason.ts";

const TARGET = 8;
const OPTIONS = 24;
const OPTION_SOURCE_LINK_ADDRESS = 1;
const OPTION_TARGET_LINK_ADDRESS = 2;
const FLAG_SOLICITED = 0x40000000;
const FLAG_OVERRIDE = 0x20000000;

/** Neighbour discovery stays on its link: no router lets a packet through with this hop limit. */
const HOP_LIMIT = 255;
const ALL_NODES = IpAddress.parse("ff02::1");
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

export interface NeighbourSolicitation {
  /** Who asks; `::` while it makes sure that its own address is unique. */
  readonly source: IpAddress;
  readonly target: IpAddress;
  /** The MAC address to answer to; null when it is not said. */
  readonly sourceMac: Uint8Array | null;
}

/** Says where an address is: the answer to a solicitation, or unasked. */
export interface NeighbourAdvertisement {
  readonly target: IpAddress;
  /** The MAC address of the target; null when it is not said. */
  readonly targetMac: Uint8Array | null;
}

/**
 * Reads a solicitation from an IPv6 packet, with the checks of RFC 4861 section 7.1.1.
 *
 * @returns `UNKNOWN_PROTOCOL` for any other packet
 */
export function parseNeighbourSolicitation(
  ip: Uint8Array,
): Parsed<NeighbourSolicitation> | Malformed {
  const message = parseMessage(ip, ICMPV6_NEIGHBOUR_SOLICITATION, OPTION_SOURCE_LINK_ADDRESS);
  if (message.kind === "malformed") return message;
  const { source, target, linkAddress } = message.header;
  return parsed({ source, target, sourceMac: linkAddress }, message.payload);
}

/**
 * Reads an advertisement from an IPv6 packet, with the checks of RFC 4861 section 7.1.2.
 *
 * @returns `UNKNOWN_PROTOCOL` for any other packet
 */
export function parseNeighbourAdvertisement(
  ip: Uint8Array,
): Parsed<NeighbourAdvertisement> | Malformed {
  const message = parseMessage(ip, ICMPV6_NEIGHBOUR_ADVERTISEMENT, OPTION_TARGET_LINK_ADDRESS);
  if (message.kind === "malformed") return message;
  const { target, linkAddress } = message.header;
  return parsed({ target, targetMac: linkAddress }, message.payload);
}

/** What both messages have in common. */
interface NeighbourMessage {
  readonly source: IpAddress;
  readonly target: IpAddress;
  readonly linkAddress: Uint8Array | null;
}

function parseMessage(
  ip: Uint8Array,
  type: number,
  option: number,
): Parsed<NeighbourMessage> | Malformed {
  const outer = new Ipv6View(ip);
  const reason = outer.check();
  if (reason !== PARSED) return malformed(reason);
  const message = outer.payload;
  if (outer.nextHeader !== PROTOCOL_ICMPV6 || message[0] !== type) {
    return malformed(UNKNOWN_PROTOCOL);
  }
  if (message.length < OPTIONS || outer.hopLimit !== HOP_LIMIT || message[1] !== 0) {
    return malformed(BAD_ICMP);
  }
  const { source, destination } = outer;
  if (sumOf(message, source, destination) !== 0xffff) return malformed(BAD_ICMP);
  const target = IpAddress.fromBytes(message.subarray(TARGET, TARGET + 16));
  if (message[TARGET] === 0xff) return malformed(BAD_ICMP);
  const linkAddress = findLinkAddress(message.subarray(OPTIONS), option);
  if (linkAddress === undefined) return malformed(BAD_ICMP);
  return parsed({ source, target, linkAddress }, message.subarray(OPTIONS));
}

/** The group that solicitations for an IPv6 address are sent to (RFC 4291 section 2.7.1). */
export function solicitedNodeGroup(address: IpAddress): IpAddress {
  return IpAddress.fromWords(0xff020000, 0, 1, 0xff000000 | (address.words[3]! & 0xffffff));
}

/** The frame that answers a solicitation: `target` is at `mac`. */
export function buildNeighbourAnswer(
  solicitation: NeighbourSolicitation,
  mac: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { source, target, sourceMac } = solicitation;
  // Section 7.2.4: who has no address yet is answered by way of everyone.
  if (sourceMac === null || !source.words.some((word) => word !== 0)) {
    return buildNeighbourAnnouncement(target, mac);
  }
  return buildAdvertisement({ target, mac, to: source, toMac: sourceMac, isSolicited: true });
}

/** The frame that tells everyone that `target` is at `mac` (section 7.2.6). */
export function buildNeighbourAnnouncement(
  target: IpAddress,
  mac: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return buildAdvertisement({
    target,
    mac,
    to: ALL_NODES,
    toMac: ALL_NODES_MAC,
    isSolicited: false,
  });
}

interface Advertisement {
  readonly target: IpAddress;
  readonly mac: Uint8Array;
  readonly to: IpAddress;
  readonly toMac: Uint8Array;
  readonly isSolicited: boolean;
}

function buildAdvertisement(advertisement: Advertisement): Uint8Array<ArrayBuffer> {
  const { target, mac, to, toMac, isSolicited } = advertisement;
  const message = new Uint8Array(OPTIONS + 8);
  const view = viewOf(message);
  message[0] = ICMPV6_NEIGHBOUR_ADVERTISEMENT;
  view.setUint32(4, (isSolicited ? FLAG_SOLICITED : 0) | FLAG_OVERRIDE);
  message.set(target.toBytes(), TARGET);
  message.set([OPTION_TARGET_LINK_ADDRESS, 1, ...mac], OPTIONS);
  view.setUint16(2, finish(sumOf(message, target, to)));

  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES + message.length);
  emitEthernet({ destination: toMac, source: mac, etherType: ETHERTYPE_IPV6 }, frame);
  emitIpv6Header({
    source: target,
    destination: to,
    nextHeader: PROTOCOL_ICMPV6,
    payloadBytes: message.length,
    hopLimit: HOP_LIMIT,
    trafficClass: 0,
    flowLabel: 0,
  }, frame.subarray(ETHERNET_HEADER_BYTES));
  frame.set(message, ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES);
  return frame;
}

function sumOf(message: Uint8Array, source: IpAddress, destination: IpAddress): number {
  const addresses = Int32Array.of(...source.words, ...destination.words);
  const pseudo = pseudoHeaderSum(6, addresses, PROTOCOL_ICMPV6, message.length);
  return sum16(viewOf(message), 0, message.length, pseudo);
}

/** The link-layer address in that option; null without one, undefined when the options are malformed. */
function findLinkAddress(options: Uint8Array, type: number): Uint8Array | null | undefined {
  let found: Uint8Array | null = null;
  for (let at = 0; at < options.length;) {
    const lengthBytes = (options[at + 1] ?? 0) * 8;
    if (lengthBytes === 0 || at + lengthBytes > options.length) return undefined;
    if (options[at] === type) found = options.slice(at + 2, at + 8);
    at += lengthBytes;
  }
  return found;
}
