/**
 * Which addresses a forwarded packet can have as source or destination (RFC 6890, RFC 1812 section 5.3.7).
 *
 * Cheap enough for every packet; words are as in `IpAddress.words`.
 *
 * @module
 */

import type { IpAddress } from "./address.ts";

/**
 * Whether an IPv4 address can be an end of a forwarded packet: not in 0.0.0.0/8 ("this network"), 127.0.0.0/8,
 * 169.254.0.0/16 (link-local, RFC 3927 section 7), 224.0.0.0/4 or 240.0.0.0/4.
 */
export function isForwardable4(word: number): boolean {
  const first = word >>> 24;
  return first !== 0 && first !== 127 && first < 224 && (word >>> 16) !== 0xa9fe;
}

/** Whether an IPv4 address is multicast or the limited broadcast. */
export function isGroup4(word: number): boolean {
  return (word >>> 28) === 14 || word === -1;
}

/**
 * Whether an IPv6 address can be an end of a forwarded packet, judged by its first two words: not in ::/64 (unspecified,
 * loopback, IPv4-compatible, IPv4-mapped), fe80::/10 (link-local) or ff00::/8.
 */
export function isForwardable6(w0: number, w1: number): boolean {
  return (w0 | w1) !== 0 && (w0 >>> 22) !== 0x3fa && (w0 >>> 24) !== 0xff;
}

/** Whether an IPv6 address is multicast, judged by its first word. */
export function isGroup6(w0: number): boolean {
  return (w0 >>> 24) === 0xff;
}

/** Whether an address of either family can be an end of a forwarded packet. */
export function isForwardable(address: IpAddress): boolean {
  const { words } = address;
  return address.family === 4 ? isForwardable4(words[3]!) : isForwardable6(words[0]!, words[1]!);
}

/** Whether an address is link-local: 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 section 2.5.6). */
export function isLinkLocal(address: IpAddress): boolean {
  const { words } = address;
  return address.family === 4 ? (words[3]! >>> 16) === 0xa9fe : (words[0]! >>> 22) === 0x3fa;
}
