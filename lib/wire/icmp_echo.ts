/**
 * The answer to an echo request (RFC 792, RFC 4443 section 4.2): the same packet with its ends exchanged.
 *
 * @module
 */

import { changeOf16, update } from "./checksum.ts";
import { ICMPV4_ECHO_REPLY, ICMPV4_ECHO_REQUEST } from "./icmpv4.ts";
import { ICMPV6_ECHO_REPLY, ICMPV6_ECHO_REQUEST } from "./icmpv6.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from "./protocol.ts";
import { rewrite } from "./rewrite.ts";

const HOP_LIMIT = 64;

/** Whether a parsed packet, or the datagram that it is the first fragment of, asks for an echo. */
export function isEchoRequest(packet: Packet): boolean {
  if (packet.fragmentOffsetBytes !== 0) return false;
  return packet.family === 4
    ? packet.protocol === PROTOCOL_ICMP && packet.icmpType === ICMPV4_ECHO_REQUEST
    : packet.protocol === PROTOCOL_ICMPV6 && packet.icmpType === ICMPV6_ECHO_REQUEST;
}

/**
 * Turns an echo request into its reply, in place. Identification, sequence number and data stay, and so does the
 * identification of the IP packet: unique among what came, it is unique among what goes back. A later fragment of an
 * echo request has its ends exchanged and its hop limit renewed. Afterwards `packet` still says what arrived.
 *
 * @param partial whether the checksum of ICMPv6 is partial, see `rewrite.ts`
 */
export function turnEcho(packet: Packet, partial: boolean): void {
  const { view, bytes } = packet;
  const [w0, w1, w2, w3, w4, w5, w6, w7] = packet.addresses as unknown as Words;
  rewrite(packet, Int32Array.of(w4, w5, w6, w7, w0, w1, w2, w3), 0, 0, partial);
  setHopLimit(packet);
  if (packet.fragmentOffsetBytes !== 0) return;
  const at = packet.l4Offset;
  const before = view.getUint16(at);
  bytes[at] = packet.family === 4 ? ICMPV4_ECHO_REPLY : ICMPV6_ECHO_REPLY;
  // A partial checksum does not cover the message yet.
  if (partial) return;
  const checksum = update(view.getUint16(at + 2), changeOf16(before, view.getUint16(at)));
  // A reply can be all zeros, the one case that `update` leaves out.
  view.setUint16(at + 2, checksum === 0 && isAllZeros(packet) ? 0xffff : checksum);
}

/** Whether nothing but the checksum is set in a message; of a fragment that cannot be told. */
function isAllZeros({ bytes, l4Offset, l4Bytes, isFragment }: Packet): boolean {
  if (isFragment) return false;
  for (let i = 0; i < l4Bytes; i++) {
    if (i !== 2 && i !== 3 && bytes[l4Offset + i] !== 0) return false;
  }
  return true;
}

/** Exchanging the addresses changed no sum; a fresh hop limit does, in IPv4. */
function setHopLimit({ view, bytes, family, ipOffset }: Packet): void {
  if (family === 6) {
    bytes[ipOffset + 7] = HOP_LIMIT;
    return;
  }
  const before = view.getUint16(ipOffset + 8);
  bytes[ipOffset + 8] = HOP_LIMIT;
  const change = changeOf16(before, view.getUint16(ipOffset + 8));
  view.setUint16(ipOffset + 10, update(view.getUint16(ipOffset + 10), change));
}

type Words = [number, number, number, number, number, number, number, number];
