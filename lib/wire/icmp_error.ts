/**
 * ICMP errors that answer a packet (RFC 792, RFC 1812 section 4.3.2, RFC 4443 section 2.4).
 *
 * @module
 */

import { IpAddress } from "./address.ts";
import { finish, pseudoHeaderSum, sum16 } from "./checksum.ts";
import { emitIcmpHeader, ICMP_HEADER_BYTES } from "./icmp.ts";
import { ICMPV4_REDIRECT, ICMPV4_SOURCE_QUENCH, isIcmpv4Error } from "./icmpv4.ts";
import { ICMPV6_REDIRECT } from "./icmpv6.ts";
import { emitIpv4Header, IPV4_HEADER_BYTES } from "./ipv4.ts";
import { emitIpv6Header, IPV6_HEADER_BYTES, IPV6_SMALLEST_MTU } from "./ipv6.ts";
import { FRAGMENT_HEADER_BYTES, HEADER_FRAGMENT } from "./ipv6_extension.ts";
import { viewOf } from "./malformed.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from "./protocol.ts";

/** RFC 1812 section 4.3.2.3: quote as much as fits into 576 bytes. */
const LARGEST_IPV4_ERROR_BYTES = 576;
const HOP_LIMIT = 64;

export interface IcmpErrorOptions {
  readonly type: number;
  readonly code: number;
  /** Bytes 4-7 as one number: the MTU of "too big". Default 0. */
  readonly rest?: number;
  /** Who says so: an address of the packet's family. */
  readonly source: IpAddress;
  /**
   * How large the error may be, so that it does not multiply what somebody sent under another's name. It quotes the IP
   * header and 8 bytes whatever this says. Default: what the RFCs allow.
   */
  readonly largestBytes?: number;
}

/** RFC 792: what an error has to quote of the header above IP. */
const SMALLEST_L4_BYTES = 8;

/**
 * Whether a packet may be answered with an error: not when it is an error itself, or a fragment that is not the first (RFC
 * 1122 section 3.2.2, RFC 4443 section 2.4). Destinations and sources that forbid it have not passed `parse`.
 */
export function mayAnswerWithError(packet: Packet): boolean {
  if (packet.fragmentOffsetBytes !== 0) return false;
  if (packet.protocol === PROTOCOL_ICMP && packet.family === 4) {
    return !isIcmpv4Error(packet.icmpType) && packet.icmpType !== ICMPV4_SOURCE_QUENCH &&
      packet.icmpType !== ICMPV4_REDIRECT;
  }
  if (packet.protocol === PROTOCOL_ICMPV6 && packet.family === 6) {
    return packet.icmpType >= 128 && packet.icmpType !== ICMPV6_REDIRECT;
  }
  return true;
}

/**
 * Where the number stands that says what follows the IP header of a parsed packet, counted from the start of the packet:
 * the pointer of ICMPv6's "unrecognized next header" (RFC 4443 section 3.4).
 */
export function nextHeaderPointer(packet: Packet): number {
  const { bytes, ipOffset } = packet;
  let pointer = 6;
  let at = IPV6_HEADER_BYTES;
  while (at < packet.ipHeaderBytes) {
    const header = bytes[ipOffset + pointer]!;
    pointer = at;
    at += header === HEADER_FRAGMENT ? FRAGMENT_HEADER_BYTES : (bytes[ipOffset + at + 1]! + 1) * 8;
  }
  return pointer;
}

/**
 * An IP packet to the source of a parsed packet, with the beginning of that packet in it. To be built before the packet
 * is rewritten: its sender has to know it again.
 */
export function buildIcmpError(packet: Packet, options: IcmpErrorOptions): Uint8Array<ArrayBuffer> {
  const isV4 = packet.family === 4;
  const ipBytes = isV4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const largest = Math.min(
    isV4 ? LARGEST_IPV4_ERROR_BYTES : IPV6_SMALLEST_MTU,
    options.largestBytes ?? Infinity,
  );
  const smallest = packet.ipHeaderBytes + SMALLEST_L4_BYTES;
  const room = Math.max(smallest, largest - ipBytes - ICMP_HEADER_BYTES);
  const quoted = Math.min(packet.totalBytes, room);
  const icmpBytes = ICMP_HEADER_BYTES + quoted;
  const error = new Uint8Array(ipBytes + icmpBytes);
  const { source } = options;
  const [w0, w1, w2, w3] = packet.addresses as unknown as [number, number, number, number];
  const destination = IpAddress.fromWords(w0, w1, w2, w3);
  const common = {
    source,
    destination,
    payloadBytes: icmpBytes,
    hopLimit: HOP_LIMIT,
    trafficClass: 0,
  };
  if (isV4) {
    emitIpv4Header({
      ...common,
      protocol: PROTOCOL_ICMP,
      identification: 0,
      dontFragment: true,
      moreFragments: false,
      fragmentOffsetBytes: 0,
      options: new Uint8Array(0),
    }, error);
  } else {
    emitIpv6Header({ ...common, nextHeader: PROTOCOL_ICMPV6, flowLabel: 0 }, error);
  }
  const message = error.subarray(ipBytes);
  emitIcmpHeader({ type: options.type, code: options.code, rest: options.rest ?? 0 }, message);
  message.set(
    packet.bytes.subarray(packet.ipOffset, packet.ipOffset + quoted),
    ICMP_HEADER_BYTES,
  );
  const addresses = Int32Array.of(...source.words, ...destination.words);
  const pseudo = isV4 ? 0 : pseudoHeaderSum(6, addresses, PROTOCOL_ICMPV6, icmpBytes);
  const view = viewOf(message);
  view.setUint16(2, finish(sum16(view, 0, icmpBytes, pseudo)));
  return error;
}
