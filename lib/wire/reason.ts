/**
 * Why a packet is not translated, as far as its bytes alone tell: a small number on the packet path, a name in counters
 * and a sentence for people. The numbers are dense from 0, so that an array of counters can be indexed by them; they
 * are not stored anywhere and may change between versions. The names do not.
 *
 * @module
 */

/** Nothing is wrong. */
export const PARSED = 0;
export const TOO_SHORT = 1;
export const BAD_VERSION = 2;
export const BAD_HEADER_LENGTH = 3;
export const BAD_TOTAL_LENGTH = 4;
export const TRUNCATED = 5;
export const BAD_CHECKSUM = 6;
export const BAD_OPTIONS = 7;
export const SOURCE_ROUTE = 8;
export const BAD_EXTENSION_HEADER = 9;
export const BAD_FRAGMENT = 10;
export const BAD_TCP = 11;
export const BAD_FLAGS = 12;
export const BAD_UDP = 13;
export const UDP_CHECKSUM_ZERO = 14;
export const BAD_ICMP = 15;
export const PORT_ZERO = 16;
export const MARTIAN_SOURCE = 17;
export const MARTIAN_DESTINATION = 18;
export const NOT_UNICAST = 19;
export const LAND = 20;
export const HOP_LIMIT_ZERO = 21;
export const UNKNOWN_PROTOCOL = 22;
export const BAD_VNET_HEADER = 23;
export const NOT_IP = 24;

/** One past the largest reason: the length of an array of counters. */
export const REASON_COUNT = 25;

/** `[name, meaning]` of each reason, by number. */
const REASONS: readonly (readonly [name: string, meaning: string])[] = [
  ["parsed", "nothing is wrong"],
  ["tooShort", "fewer bytes than the smallest IP header"],
  ["badVersion", "IP version is neither 4 nor 6, or not the one that the Ethernet type says"],
  ["badHeaderLength", "IPv4 header length below 20 bytes"],
  ["badTotalLength", "IP length does not even cover the header, or is 0"],
  ["truncated", "IP length is larger than the packet"],
  ["badChecksum", "IPv4 header checksum is wrong"],
  ["badOptions", "IPv4 option with an impossible length"],
  ["sourceRoute", "source route: LSRR, SSRR or an IPv6 routing header still to be followed"],
  ["badExtensionHeader", "IPv6 extension headers are too long, too many or in a wrong place"],
  ["badFragment", "fragment that cannot be part of a datagram, or hides its transport header"],
  ["badTcp", "TCP header is longer than the packet, or below 20 bytes"],
  ["badFlags", "combination of TCP flags that no connection produces"],
  ["badUdp", "UDP length below 8 or larger than the packet"],
  ["udpChecksumZero", "UDP over IPv6 without a checksum"],
  ["badIcmp", "ICMP message below 8 bytes"],
  ["portZero", "source or destination port is 0"],
  ["martianSource", "source address that no forwarded packet can have"],
  ["martianDestination", "destination address that no forwarded packet can have"],
  ["notUnicast", "destination is multicast or broadcast"],
  ["land", "source and destination address are the same"],
  ["hopLimitZero", "TTL or hop limit is 0"],
  ["unknownProtocol", "protocol is not TCP, UDP or the ICMP of its IP version"],
  ["badVnetHeader", "virtio_net_hdr does not fit the packet"],
  ["notIp", "frame is neither IPv4 nor IPv6"],
];

/** The name of a reason as counters show it: `badChecksum`. */
export function reasonName(reason: number): string {
  return REASONS[reason]?.[0] ?? `reason${reason}`;
}

/** What a reason says, as a clause: `IPv4 header checksum is wrong`. */
export function reasonMeaning(reason: number): string {
  return REASONS[reason]?.[1] ?? `unknown reason ${reason}`;
}
