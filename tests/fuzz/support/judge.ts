/**
 * What must be true of a packet that was translated, by its bytes before and after alone. Nothing here
 * uses lib/wire's arithmetic.
 *
 * @module
 */

import {
  addressSum,
  checksumOffset,
  isIpChecksumRight,
  l4Checksum,
  type Layout,
  layoutOf,
  u16,
} from "./reference.ts";
import type { Flying } from "./slot.ts";

const ICMP = 1, TCP = 6, UDP = 17;

export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

export interface JudgeOptions {
  /** By how much the hop limit went down. */
  readonly hops: number;
  /** Largest IP packet for the next link and for the session's path. */
  readonly mtuBytes: number;
}

/** Judges a TCP or UDP packet, an echo, or a fragment. */
export function judgeTranslated(before: Flying, after: Flying, options: JudgeOptions): void {
  const was = layoutOf(before.bytes)!;
  const is = layoutOf(after.bytes)!;
  demand(is !== null && is.family === was.family, "the family changed");
  demand(is.end === after.bytes.length && was.end === is.end, "the length changed");
  demand(is.protocol === was.protocol && is.l4 === was.l4, "the protocol changed");
  demand(isIpChecksumRight(after.bytes, is), "the IP checksum is wrong");
  judgeHeader(before.bytes, after.bytes, was, options);
  judgeSums(before, after, was);
  judgeSize(after, is, options.mtuBytes);
  const first = was.fragmentOffset === 0;
  const hasPorts = first && (was.protocol === TCP || was.protocol === UDP);
  const field = checksumOffset(was);
  for (let i = was.family === 4 ? 20 : 40; i < is.end; i++) {
    if (before.bytes[i] === after.bytes[i]) continue;
    const isPort = hasPorts && i >= was.l4 && i < was.l4 + 4;
    const isChecksum = field >= 0 && (i === field || i === field + 1);
    const isIdentification = was.isFragment && was.family === 6 && i < was.l4;
    demand(isPort || isChecksum || isIdentification, `byte ${i} of the packet changed`);
  }
}

/** Version, lengths, class, flags and options stay; addresses may change; the hop limit goes down. */
function judgeHeader(
  before: Uint8Array,
  after: Uint8Array,
  { family }: Layout,
  { hops }: JudgeOptions,
): void {
  const hopLimitAt = family === 4 ? 8 : 7;
  demand(
    after[hopLimitAt] === before[hopLimitAt]! - hops,
    "the hop limit is not what it should be",
  );
  const addressesAt = family === 4 ? 12 : 8;
  for (let i = 0; i < addressesAt; i++) {
    if (i === hopLimitAt || (family === 4 && (i === 10 || i === 11))) continue;
    // Merged streams of packets that may be cut on the way get new identifications.
    const mayBeCut = family === 4 && (before[6]! & 0x40) === 0;
    const isFragment = family === 4 && (u16(before, 6) & 0x3fff) !== 0;
    if ((i === 4 || i === 5) && (mayBeCut || isFragment)) continue;
    demand(before[i] === after[i], `byte ${i} of the IP header changed`);
  }
}

/**
 * The checksum above IP is as right or as wrong as it was: what it differs from the truth by is the
 * same, and where it was right it is right.
 */
function judgeSums(before: Flying, after: Flying, was: Layout): void {
  const partialBefore = (before.vnet[0]! & 1) !== 0;
  const partialAfter = (after.vnet[0]! & 1) !== 0;
  const is = layoutOf(after.bytes)!;
  const right = l4Checksum(before.bytes, was, partialBefore);
  demand(
    l4Checksum(after.bytes, is, partialAfter) === right,
    right === 1 ? "a right checksum became wrong" : "a wrong checksum became right",
  );
  const field = checksumOffset(was);
  if (field < 0 || partialBefore !== partialAfter) return;
  if (was.protocol === UDP && u16(before.bytes, field) === 0 && !partialBefore) {
    demand(u16(after.bytes, field) === 0, "UDP without a checksum got one");
    return;
  }
  demand(
    error(before.bytes, was, partialBefore) === error(after.bytes, is, partialAfter),
    "the checksum differs from the truth by another amount",
  );
}

/** What the parts that may change contribute, modulo 0xffff: the same before and after. */
function error(bytes: Uint8Array, layout: Layout, partial: boolean, at = 0): number {
  const field = u16(bytes, checksumOffset(layout));
  const addresses = layout.protocol === ICMP ? 0 : addressSum(bytes, at, layout.family);
  if (partial) return (field - addresses + 0xffff * 2) % 0xffff;
  const hasPorts = layout.protocol === TCP || layout.protocol === UDP;
  const ports = hasPorts ? u16(bytes, layout.l4) + u16(bytes, layout.l4 + 2) : 0;
  return (field + addresses + ports) % 0xffff;
}

/** No segment is larger than what the path carries. */
function judgeSize(after: Flying, { protocol, l4, end }: Layout, mtuBytes: number): void {
  if (end <= mtuBytes) return;
  if (mtuBytes === Infinity) return;
  const gsoSize = after.vnet[1] === 0 ? 0 : after.vnet[4]! + after.vnet[5]! * 256;
  const headerBytes = protocol === TCP ? l4 + (after.bytes[l4 + 12]! >> 4) * 4 : l4 + 8;
  demand(gsoSize > 0, "a packet larger than the next link is forwarded");
  demand(headerBytes + gsoSize <= mtuBytes, "a segment is larger than the next link carries");
}

/**
 * Judges a translated ICMP error: outer checksums right, the quote's as they were, nothing changed but
 * addresses, ports, hop limit, checksums and, where they are cut off, extensions (RFC 4884).
 */
export function judgeError(before: Flying, after: Flying, options: JudgeOptions): void {
  const was = layoutOf(before.bytes)!;
  const is = layoutOf(after.bytes)!;
  demand(is !== null && is.family === was.family && is.l4 === was.l4, "the header changed");
  demand(is.end === after.bytes.length && is.end <= was.end, "the length is wrong");
  demand(isIpChecksumRight(after.bytes, is), "the IP checksum is wrong");
  const wasPartial = (before.vnet[0]! & 1) !== 0;
  demand(l4Checksum(before.bytes, was, wasPartial) === 1, "an error with a wrong checksum passed");
  demand((after.vnet[0]! & 1) === 0 && after.vnet[1] === 0, "the virtio_net_hdr is not cleared");
  demand(l4Checksum(after.bytes, is, false) === 1, "the error's checksum is wrong");
  const hopLimitAt = was.family === 4 ? 8 : 7;
  demand(
    after.bytes[hopLimitAt] === before.bytes[hopLimitAt]! - options.hops,
    "the hop limit is not what it should be",
  );
  const at = is.l4 + 8;
  const inner = layoutOf(before.bytes, at, is.end);
  demand(inner !== null, "an error with a quote that makes no sense passed");
  const field = checksumOffset(inner);
  const hasField = field >= 0 && field + 2 <= is.end;
  const hasPorts = inner.protocol === TCP || inner.protocol === UDP;
  const addresses = inner.family === 4 ? [at + 12, at + 20] : [at + 8, at + 40];
  demand(isIpChecksumRight(after.bytes, inner, at), "the quote's IP checksum is wrong");
  for (let i = at; i < is.end; i++) {
    if (before.bytes[i] === after.bytes[i]) continue;
    const isAddress = i >= addresses[0]! && i < addresses[1]!;
    const isIpChecksum = inner.family === 4 && (i === at + 10 || i === at + 11);
    const isPort = hasPorts && i >= inner.l4 && i < inner.l4 + 4;
    const isChecksum = hasField && (i === field || i === field + 1);
    demand(isAddress || isIpChecksum || isPort || isChecksum, `byte ${i} of the error changed`);
  }
  if (!hasField) return;
  if (inner.protocol === UDP && u16(before.bytes, field) === 0) {
    demand(u16(after.bytes, field) === 0, "quoted UDP without a checksum got one");
  } else {
    demand(
      error(before.bytes, inner, false, at) === error(after.bytes, inner, false, at),
      "the quote's checksum differs from the truth by another amount",
    );
  }
}

/**
 * Judges a packet of our own: whole, right, to the sender of what it answers, from where that was sent
 * to, no larger than the least that quotes it, and no answer to what must not be answered.
 */
export function judgeReply(about: Flying, reply: Uint8Array, isEcho: boolean): void {
  const was = layoutOf(about.bytes)!;
  const is = layoutOf(reply)!;
  demand(is !== null && is.end === reply.length, "a reply's length is wrong");
  demand(isIpChecksumRight(reply, is), "a reply's IP checksum is wrong");
  demand(l4Checksum(reply, is, false) === 1 || is.isFragment, "a reply's checksum is wrong");
  demand(was.fragmentOffset === 0 || isEcho, "a later fragment is answered");
  const [from, to, width] = was.family === 4 ? [12, 16, 4] : [8, 24, 16];
  for (let i = 0; i < width; i++) {
    demand(
      reply[from + i] === about.bytes[to + i] && reply[to + i] === about.bytes[from + i],
      "a reply goes elsewhere",
    );
  }
  const least = (was.family === 4 ? 28 : 48) + was.l4 + 8;
  demand(reply.length <= Math.max(was.end, least, was.family === 4 ? 40 : 60), "a reply is larger");
  if (isEcho) return;
  const type = about.bytes[was.l4]!;
  if (was.protocol === ICMP && was.family === 4) {
    demand(![3, 4, 5, 11, 12].includes(type), "an ICMP error is answered");
  }
  if (was.protocol === 58 && was.family === 6) demand(type >= 128, "an ICMPv6 error is answered");
  if (is.protocol === TCP) {
    demand((about.bytes[was.l4 + 13]! & 4) === 0, "a reset is answered");
    return;
  }
  const quoted = reply.subarray(is.l4 + 8);
  for (let i = 0; i < quoted.length; i++) {
    demand(quoted[i] === about.bytes[i], "an error quotes something else than what came");
  }
}
