/**
 * The IPv4 part of `Packet.parse`.
 *
 * ```
 *   0                   1                   2                   3
 *  |version|  IHL  |     TOS       |         total length          |  word 0
 *  |        identification         |0|D|M|    fragment offset      |  word 1
 *  |      TTL      |   protocol    |        header checksum        |  word 2
 *  |                        source address                         |  word 3
 *  |                      destination address                      |  word 4
 * ```
 *
 * @module
 */

import { checkFragment } from "./_parse_fragment.ts";
import { MAPPED_WORD } from "./address.ts";
import { isForwardable4, isGroup4 } from "./address_class.ts";
import { fold, sumOfWord } from "./checksum.ts";
import type { Packet } from "./packet.ts";
import {
  BAD_CHECKSUM,
  BAD_HEADER_LENGTH,
  BAD_OPTIONS,
  BAD_TOTAL_LENGTH,
  HOP_LIMIT_ZERO,
  LAND,
  MARTIAN_DESTINATION,
  MARTIAN_SOURCE,
  NOT_UNICAST,
  PARSED,
  SOURCE_ROUTE,
  TRUNCATED,
} from "./reason.ts";

const HEADER_BYTES = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LSRR = 131;
const OPTION_SSRR = 137;

/** Fills the fields of the IP layer. The caller has checked that 20 bytes are there. */
export function parseIpv4(packet: Packet, givenBytes: number): number {
  const view = packet.view;
  const at = packet.ipOffset;
  const word0 = view.getInt32(at);
  const headerBytes = (word0 >>> 22) & 0x3c;
  const totalBytes = word0 & 0xffff;
  if (headerBytes < HEADER_BYTES) return BAD_HEADER_LENGTH;
  if (totalBytes < headerBytes) return BAD_TOTAL_LENGTH;
  if (totalBytes > givenBytes) return TRUNCATED;

  const word1 = view.getInt32(at + 4);
  const word2 = view.getInt32(at + 8);
  const source = view.getInt32(at + 12);
  const destination = view.getInt32(at + 16);
  let sum = sumOfWord(word0) + sumOfWord(word1) + sumOfWord(word2) + sumOfWord(source) +
    sumOfWord(destination);
  for (let i = HEADER_BYTES; i < headerBytes; i += 4) sum += sumOfWord(view.getInt32(at + i));
  if (fold(sum) !== 0xffff) return BAD_CHECKSUM;

  packet.family = 4;
  packet.protocol = (word2 >>> 16) & 0xff;
  packet.ipHeaderBytes = headerBytes;
  packet.totalBytes = totalBytes;
  packet.l4Offset = at + headerBytes;
  packet.l4Bytes = totalBytes - headerBytes;
  packet.hopLimit = word2 >>> 24;
  packet.hasOptions = headerBytes > HEADER_BYTES;
  packet.identification = word1 >>> 16;
  packet.fragmentHeaderOffset = 0;
  // The reserved bit is neither looked at nor changed.
  packet.dontFragment = (word1 & 0x4000) !== 0;
  packet.moreFragments = (word1 & 0x2000) !== 0;
  packet.fragmentOffsetBytes = (word1 & 0x1fff) << 3;
  packet.isFragment = (word1 & 0x3fff) !== 0;
  const addresses = packet.addresses;
  addresses[0] = 0;
  addresses[1] = 0;
  addresses[2] = MAPPED_WORD;
  addresses[3] = source;
  addresses[4] = 0;
  addresses[5] = 0;
  addresses[6] = MAPPED_WORD;
  addresses[7] = destination;

  if (!isForwardable4(destination)) {
    return isGroup4(destination) ? NOT_UNICAST : MARTIAN_DESTINATION;
  }
  if (!isForwardable4(source)) return MARTIAN_SOURCE;
  if (source === destination) return LAND;
  if (packet.hopLimit === 0) return HOP_LIMIT_ZERO;
  if (headerBytes > HEADER_BYTES) {
    const reason = checkOptions(packet.bytes, at + HEADER_BYTES, at + headerBytes);
    if (reason !== PARSED) return reason;
  }
  return packet.isFragment ? checkFragment(packet, headerBytes) : PARSED;
}

/**
 * Walks the options (RFC 791 section 3.1). Source routes are refused (RFC 7126 sections 4.3 and 4.4), all others pass
 * untouched; their contents are of no interest here.
 */
function checkOptions(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const type = bytes[at]!;
    if (type === OPTION_END) return PARSED;
    if (type === OPTION_NOP) {
      at++;
      continue;
    }
    // A length of 0 or 1 would not even cover type and length, and 0 would never end.
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) return BAD_OPTIONS;
    if (type === OPTION_LSRR || type === OPTION_SSRR) return SOURCE_ROUTE;
    at += length;
  }
  return PARSED;
}
