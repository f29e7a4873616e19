/**
 * The IPv6 part of `Packet.parse`: the fixed header and the walk along the extension headers (RFC 8200 section 4).
 *
 * ```
 *   0                   1                   2                   3
 *  |version| traffic class |              flow label               |  word 0
 *  |        payload length         |  next header  |   hop limit   |  word 1
 *  |                 source address (16 bytes)                     |  word 2-5
 *  |                 destination address (16 bytes)                |  word 6-9
 *
 *  hop-by-hop, destination options, routing:       fragment:
 *  | next header | length, 8 bytes each, less 1 |  | next header | reserved | offset (13) |00M| identification (32) |
 * ```
 *
 * Options inside the hop-by-hop and destination headers are not looked at: nothing in them is meant for a translator.
 *
 * @module
 */

import { checkFragment } from "./_parse_fragment.ts";
import { isForwardable6, isGroup6 } from "./address_class.ts";
import {
  FRAGMENT_HEADER_BYTES,
  HEADER_FRAGMENT,
  HEADER_HOP_BY_HOP,
  HEADER_ROUTING,
  isExtensionHeader,
} from "./ipv6_extension.ts";
import type { Packet } from "./packet.ts";
import {
  BAD_EXTENSION_HEADER,
  BAD_TOTAL_LENGTH,
  HOP_LIMIT_ZERO,
  LAND,
  MARTIAN_DESTINATION,
  MARTIAN_SOURCE,
  NOT_UNICAST,
  PARSED,
  SOURCE_ROUTE,
  TOO_SHORT,
  TRUNCATED,
} from "./reason.ts";

const HEADER_BYTES = 40;

/** Our own limits (RFC 8504 section 5.3 allows them): real packets have one or two short extension headers. */
const MAXIMUM_EXTENSION_HEADERS = 8;
const MAXIMUM_EXTENSION_HEADER_BYTES = 256;

/** Fills the fields of the IP layer. */
export function parseIpv6(packet: Packet, givenBytes: number): number {
  if (givenBytes < HEADER_BYTES) return TOO_SHORT;
  const view = packet.view;
  const at = packet.ipOffset;
  const word1 = view.getInt32(at + 4);
  const payloadBytes = word1 >>> 16;
  // Either nothing follows or a jumbogram does (RFC 2675), which is not supported.
  if (payloadBytes === 0) return BAD_TOTAL_LENGTH;
  if (HEADER_BYTES + payloadBytes > givenBytes) return TRUNCATED;

  packet.family = 6;
  packet.protocol = (word1 >>> 8) & 0xff;
  packet.ipHeaderBytes = HEADER_BYTES;
  packet.totalBytes = HEADER_BYTES + payloadBytes;
  packet.l4Offset = at + HEADER_BYTES;
  packet.l4Bytes = payloadBytes;
  packet.hopLimit = word1 & 0xff;
  packet.hasOptions = false;
  packet.identification = 0;
  packet.fragmentHeaderOffset = 0;
  packet.dontFragment = true;
  packet.moreFragments = false;
  packet.fragmentOffsetBytes = 0;
  packet.isFragment = false;
  const addresses = packet.addresses;
  addresses[0] = view.getInt32(at + 8);
  addresses[1] = view.getInt32(at + 12);
  addresses[2] = view.getInt32(at + 16);
  addresses[3] = view.getInt32(at + 20);
  addresses[4] = view.getInt32(at + 24);
  addresses[5] = view.getInt32(at + 28);
  addresses[6] = view.getInt32(at + 32);
  addresses[7] = view.getInt32(at + 36);

  if (!isForwardable6(addresses[4]!, addresses[5]!)) {
    return isGroup6(addresses[4]!) ? NOT_UNICAST : MARTIAN_DESTINATION;
  }
  if (!isForwardable6(addresses[0]!, addresses[1]!)) return MARTIAN_SOURCE;
  if (
    addresses[3] === addresses[7] && addresses[2] === addresses[6] &&
    addresses[1] === addresses[5] && addresses[0] === addresses[4]
  ) return LAND;
  if (packet.hopLimit === 0) return HOP_LIMIT_ZERO;
  return isExtensionHeader(packet.protocol) ? walkExtensionHeaders(packet) : PARSED;
}

function walkExtensionHeaders(packet: Packet): number {
  const bytes = packet.bytes;
  const start = packet.ipOffset + HEADER_BYTES;
  const end = packet.ipOffset + packet.totalBytes;
  let at = start;
  let header = packet.protocol;
  packet.hasOptions = true;
  for (let count = 0; isExtensionHeader(header); count++) {
    if (count === MAXIMUM_EXTENSION_HEADERS || at + 8 > end) return BAD_EXTENSION_HEADER;
    if (header === HEADER_HOP_BY_HOP && at !== start) return BAD_EXTENSION_HEADER;
    const lengthBytes = header === HEADER_FRAGMENT
      ? FRAGMENT_HEADER_BYTES
      : (bytes[at + 1]! + 1) << 3;
    if (lengthBytes > MAXIMUM_EXTENSION_HEADER_BYTES || at + lengthBytes > end) {
      return BAD_EXTENSION_HEADER;
    }
    // Type 0 is forbidden (RFC 5095). Of the others only the last stop is the destination that checksums cover.
    if (header === HEADER_ROUTING && (bytes[at + 2] === 0 || bytes[at + 3] !== 0)) {
      return SOURCE_ROUTE;
    }
    if (header === HEADER_FRAGMENT) {
      if (packet.fragmentHeaderOffset !== 0) return BAD_EXTENSION_HEADER;
      readFragmentHeader(packet, at);
    }
    header = bytes[at]!;
    at += lengthBytes;
    // What follows is the middle of something, and `header` says what its first fragment starts with.
    if (packet.fragmentOffsetBytes !== 0) break;
  }
  packet.protocol = header;
  packet.ipHeaderBytes = at - packet.ipOffset;
  packet.l4Offset = at;
  packet.l4Bytes = end - at;
  if (!packet.isFragment) return PARSED;
  return checkFragment(packet, packet.fragmentHeaderOffset - start);
}

function readFragmentHeader(packet: Packet, at: number): void {
  const word = packet.view.getInt32(at);
  packet.fragmentHeaderOffset = at;
  packet.identification = packet.view.getInt32(at + 4);
  packet.fragmentOffsetBytes = word & 0xfff8;
  packet.moreFragments = (word & 1) !== 0;
  packet.isFragment = (word & 0xfff9) !== 0;
}
