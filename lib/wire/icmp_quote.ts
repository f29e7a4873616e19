/**
 * The packet that an ICMP error is about, and the translation of both (RFC 5508 section 4). Rare, so clarity comes first.
 *
 * ```
 *  | IP header | ICMP header | quoted IP header | at least 8 bytes of TCP, UDP or echo | extensions (RFC 4884)
 *  |<- outer ->|             |<- what the receiver of the error once sent -------------|
 * ```
 *
 * The quoted packet travelled the other way: its source is the destination of the error.
 *
 * @module
 */

import { changeOf16, changeOfWord, update } from "./checksum.ts";
import { ICMP_HEADER_BYTES } from "./icmp.ts";
import { isIcmpv4Error } from "./icmpv4.ts";
import { isIcmpv6Error } from "./icmpv6.ts";
import { Ipv4View } from "./ipv4.ts";
import { IPV6_HEADER_BYTES } from "./ipv6.ts";
import { FRAGMENT_HEADER_BYTES, HEADER_FRAGMENT, isExtensionHeader } from "./ipv6_extension.ts";
import { fillL4 } from "./l4_checksum.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "./protocol.ts";
import { BAD_CHECKSUM, BAD_FRAGMENT, BAD_ICMP, UNKNOWN_PROTOCOL } from "./reason.ts";
import { rewrite } from "./rewrite.ts";

/** RFC 792: what an error has to quote of the header above IP. */
const SMALLEST_L4_BYTES = 8;
const MAXIMUM_EXTENSION_HEADERS = 8;

/** The quoted packet. Offsets count from the start of the buffer. */
export interface Quote {
  readonly protocol: number;
  readonly ipOffset: number;
  readonly l4Offset: number;
  /** Where the quote ends. */
  readonly endOffset: number;
  /** Source in words 0-3, destination in 4-7. */
  readonly addresses: Int32Array;
  /** 0 for an echo. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** TCP: as `Packet.tcpSequence`. */
  readonly tcpSequence: number;
  /** Length of the packet that was sent, of which the quote is the beginning. */
  readonly totalBytes: number;
}

/** Whether a parsed packet is an ICMP error that quotes another packet. */
export function isError(packet: Packet): boolean {
  if (packet.isFragment) return false;
  if (packet.protocol === PROTOCOL_ICMP) return isIcmpv4Error(packet.icmpType);
  return packet.protocol === PROTOCOL_ICMPV6 && isIcmpv6Error(packet.icmpType);
}

/**
 * Reads the quote of an error. The checksum of the error is the caller's to verify (`verifyL4`); the one above IP in the
 * quote is not looked at (RFC 5508 REQ-3).
 *
 * @returns the quote, or a reason: `BAD_ICMP` when it is cut short, contradicts itself, is an error too, or is no packet
 * of the one who gets the error
 */
export function parseQuote(packet: Packet): Quote | number {
  const { view, bytes } = packet;
  const at = packet.l4Offset + ICMP_HEADER_BYTES;
  const end = quoteEnd(packet);
  const found = packet.family === 4 ? findL4v4(bytes, at, end) : findL4v6(bytes, at, end);
  if (typeof found === "number") return found;
  const { protocol, l4Offset } = found;
  if (l4Offset + SMALLEST_L4_BYTES > end) return BAD_ICMP;
  const addresses = new Int32Array(8);
  if (packet.family === 4) {
    addresses[2] = addresses[6] = 0xffff;
    addresses[3] = view.getInt32(at + 12);
    addresses[7] = view.getInt32(at + 16);
  } else {
    for (let i = 0; i < 8; i++) addresses[i] = view.getInt32(at + 8 + 4 * i);
  }
  for (let i = 0; i < 4; i++) if (addresses[i] !== packet.addresses[4 + i]) return BAD_ICMP;
  const hasPorts = protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
  if (!hasPorts) {
    if (protocol !== (packet.family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) {
      return UNKNOWN_PROTOCOL;
    }
    const type = bytes[l4Offset]!;
    if (packet.family === 4 ? isIcmpv4Error(type) : type < 128) return BAD_ICMP;
  }
  return {
    protocol,
    ipOffset: at,
    l4Offset,
    endOffset: end,
    addresses,
    sourcePort: hasPorts ? view.getUint16(l4Offset) : 0,
    destinationPort: hasPorts ? view.getUint16(l4Offset + 2) : 0,
    tcpSequence: protocol === PROTOCOL_TCP ? view.getInt32(l4Offset + 4) : 0,
    totalBytes: found.totalBytes,
  };
}

export interface ErrorTranslation {
  /** The error's own source (words 0-3) and destination (4-7). */
  readonly outer: Int32Array;
  /** The quoted packet's. */
  readonly inner: Int32Array;
  readonly innerSourcePort: number;
  readonly innerDestinationPort: number;
}

/**
 * Writes new addresses and ports into an error and into its quote, in place. Checksums that are in the quote are mended,
 * nothing is written past it, and the one of the error is computed anew: so many of the bytes that it covers have
 * changed. The error has passed `verifyL4`. Afterwards `packet.addresses` holds the new ones.
 */
export function rewriteError(packet: Packet, quote: Quote, to: ErrorTranslation): void {
  const { view } = packet;
  let change = 0;
  for (let i = 0; i < 8; i++) change += changeOfWord(quote.addresses[i]!, to.inner[i]!);
  if (packet.family === 4) {
    view.setInt32(quote.ipOffset + 12, to.inner[3]!);
    view.setInt32(quote.ipOffset + 16, to.inner[7]!);
    new Ipv4View(packet.bytes.subarray(quote.ipOffset, quote.endOffset)).fillChecksum();
  } else {
    for (let i = 0; i < 8; i++) view.setInt32(quote.ipOffset + 8 + 4 * i, to.inner[i]!);
  }
  rewriteQuotedL4(packet, quote, to, change);
  rewrite(packet, to.outer, 0, 0, false);
  for (let i = 0; i < 8; i++) packet.addresses[i] = to.outer[i]!;
  fillL4(packet);
}

/**
 * Cuts off the extensions of an error (RFC 4884): they may name interfaces and addresses of the network that it comes
 * from (RFC 5837). What is left is an error as before RFC 4884. To be called before `rewriteError`, which computes the
 * checksum of the error anew.
 */
export function stripExtensions(packet: Packet, quote: Quote): void {
  const { view, bytes, ipOffset, l4Offset } = packet;
  const end = l4Offset + packet.l4Bytes;
  if (quote.endOffset >= end) return;
  packet.l4Bytes = quote.endOffset - l4Offset;
  packet.payloadBytes = packet.l4Bytes - ICMP_HEADER_BYTES;
  packet.totalBytes = quote.endOffset - ipOffset;
  if (packet.family === 4) {
    bytes[l4Offset + 5] = 0;
    const header = new Ipv4View(bytes.subarray(ipOffset, quote.endOffset));
    view.setUint16(ipOffset + 2, packet.totalBytes);
    header.fillChecksum();
  } else {
    bytes[l4Offset + 4] = 0;
    view.setUint16(ipOffset + 4, packet.totalBytes - IPV6_HEADER_BYTES);
  }
}

function rewriteQuotedL4(packet: Packet, quote: Quote, to: ErrorTranslation, change: number): void {
  const { view } = packet;
  const at = quote.l4Offset;
  if (quote.protocol === PROTOCOL_ICMP) return;
  let total = change;
  let checksumAt = at + 2;
  if (quote.protocol !== PROTOCOL_ICMPV6) {
    view.setUint16(at, to.innerSourcePort);
    view.setUint16(at + 2, to.innerDestinationPort);
    total += changeOf16(quote.sourcePort, to.innerSourcePort) +
      changeOf16(quote.destinationPort, to.innerDestinationPort);
    checksumAt = at + (quote.protocol === PROTOCOL_TCP ? 16 : 6);
  }
  // A quote of 8 bytes ends before the checksum of TCP.
  if (checksumAt + 2 > quote.endOffset) return;
  const checksum = view.getUint16(checksumAt);
  if (quote.protocol === PROTOCOL_UDP && checksum === 0) return;
  const updated = update(checksum, total);
  view.setUint16(checksumAt, updated === 0 && quote.protocol === PROTOCOL_UDP ? 0xffff : updated);
}

/**
 * Where the quote ends: where the packet does, or where extensions begin (RFC 4884 section 4: 32-bit words in byte 5 of
 * ICMP, 64-bit words in byte 4 of ICMPv6).
 */
function quoteEnd(packet: Packet): number {
  const start = packet.l4Offset + ICMP_HEADER_BYTES;
  const end = packet.l4Offset + packet.l4Bytes;
  const stated = packet.family === 4
    ? packet.bytes[packet.l4Offset + 5]! * 4
    // "Too big" and parameter problem use these bytes for a number.
    : packet.icmpType === 2 || packet.icmpType === 4
    ? 0
    : packet.bytes[packet.l4Offset + 4]! * 8;
  return stated === 0 ? end : Math.min(end, start + stated);
}

interface FoundL4 {
  readonly protocol: number;
  readonly l4Offset: number;
  readonly totalBytes: number;
}

function findL4v4(bytes: Uint8Array, at: number, end: number): FoundL4 | number {
  const view = new Ipv4View(bytes.subarray(at, end));
  if (end - at < 20 || bytes[at]! >>> 4 !== 4) return BAD_ICMP;
  const { headerBytes, totalBytes } = view;
  if (headerBytes < 20 || at + headerBytes > end || totalBytes < headerBytes) return BAD_ICMP;
  if (!view.isChecksumValid()) return BAD_CHECKSUM;
  if (view.fragmentOffsetBytes !== 0) return BAD_FRAGMENT;
  return { protocol: view.protocol, l4Offset: at + headerBytes, totalBytes };
}

function findL4v6(bytes: Uint8Array, start: number, end: number): FoundL4 | number {
  if (end - start < IPV6_HEADER_BYTES || bytes[start]! >>> 4 !== 6) return BAD_ICMP;
  let header = bytes[start + 6]!;
  let at = start + IPV6_HEADER_BYTES;
  for (let count = 0; isExtensionHeader(header); count++) {
    if (count === MAXIMUM_EXTENSION_HEADERS || at + 8 > end) return BAD_ICMP;
    const isFragment = header === HEADER_FRAGMENT;
    if (isFragment && (bytes[at + 2]! !== 0 || (bytes[at + 3]! & 0xf8) !== 0)) return BAD_FRAGMENT;
    const lengthBytes = isFragment ? FRAGMENT_HEADER_BYTES : (bytes[at + 1]! + 1) * 8;
    header = bytes[at]!;
    at += lengthBytes;
  }
  const payloadBytes = (bytes[start + 4]! << 8) | bytes[start + 5]!;
  return { protocol: header, l4Offset: at, totalBytes: IPV6_HEADER_BYTES + payloadBytes };
}
