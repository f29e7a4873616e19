/**
 * The part of `Packet.parse` above IP: TCP, UDP, ICMP and ICMPv6.
 *
 * @module
 */

import { HEADER_DESTINATION } from "./ipv6_extension.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "./protocol.ts";
import {
  BAD_FLAGS,
  BAD_ICMP,
  BAD_TCP,
  BAD_UDP,
  PARSED,
  PORT_ZERO,
  UDP_CHECKSUM_ZERO,
  UNKNOWN_PROTOCOL,
} from "./reason.ts";
import { areFlagsValid } from "./tcp_flags.ts";

const TCP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
const ICMP_HEADER_BYTES = 8;

/** Fills the fields above IP. Those of the IP layer are filled. */
export function parseTransport(packet: Packet): number {
  packet.sourcePort = 0;
  packet.destinationPort = 0;
  packet.tcpFlags = 0;
  packet.icmpType = 0;
  packet.icmpCode = 0;
  packet.payloadBytes = packet.l4Bytes;
  const protocol = packet.protocol;
  if (packet.fragmentOffsetBytes !== 0) {
    // In IPv6 more extension headers may follow in the first fragment, so its protocol is not known here.
    return isTranslated(packet.family, protocol) ||
        (packet.family === 6 && protocol === HEADER_DESTINATION)
      ? PARSED
      : UNKNOWN_PROTOCOL;
  }
  if (protocol === PROTOCOL_TCP) return parseTcp(packet);
  if (protocol === PROTOCOL_UDP) return parseUdp(packet);
  return isTranslated(packet.family, protocol) ? parseIcmp(packet) : UNKNOWN_PROTOCOL;
}

function isTranslated(family: 4 | 6, protocol: number): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP ||
    protocol === (family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6);
}

/** RFC 9293 section 3.1. Options are neither read nor checked. */
function parseTcp(packet: Packet): number {
  if (packet.l4Bytes < TCP_HEADER_BYTES) return BAD_TCP;
  const view = packet.view;
  const at = packet.l4Offset;
  const ports = view.getInt32(at);
  const word3 = view.getInt32(at + 12);
  const headerBytes = (word3 >>> 28) << 2;
  // The first fragment too has to hold the whole header (RFC 1858 section 4, RFC 7112).
  if (headerBytes < TCP_HEADER_BYTES || headerBytes > packet.l4Bytes) return BAD_TCP;
  packet.sourcePort = ports >>> 16;
  packet.destinationPort = ports & 0xffff;
  packet.tcpSequence = view.getInt32(at + 4);
  packet.tcpAcknowledgement = view.getInt32(at + 8);
  packet.tcpFlags = (word3 >>> 16) & 0xff;
  packet.tcpWindow = word3 & 0xffff;
  packet.payloadBytes = packet.l4Bytes - headerBytes;
  if (packet.sourcePort === 0 || packet.destinationPort === 0) return PORT_ZERO;
  return areFlagsValid(packet.tcpFlags) ? PARSED : BAD_FLAGS;
}

/**
 * RFC 768. A length below the payload of IP is legal, the surplus is carried along (RFC 9868). Source port 0, "no answer
 * wanted", is refused: there is no session without a way back.
 */
function parseUdp(packet: Packet): number {
  if (packet.l4Bytes < UDP_HEADER_BYTES) return BAD_UDP;
  const view = packet.view;
  const at = packet.l4Offset;
  const ports = view.getInt32(at);
  const word1 = view.getInt32(at + 4);
  const lengthBytes = word1 >>> 16;
  // The first fragment states the length of the whole datagram.
  if (lengthBytes < UDP_HEADER_BYTES || (lengthBytes > packet.l4Bytes && !packet.isFragment)) {
    return BAD_UDP;
  }
  packet.sourcePort = ports >>> 16;
  packet.destinationPort = ports & 0xffff;
  packet.payloadBytes = packet.l4Bytes - UDP_HEADER_BYTES;
  if (packet.sourcePort === 0 || packet.destinationPort === 0) return PORT_ZERO;
  // RFC 8200 section 8.1. The sum in a partial checksum is never 0 either.
  if (packet.family === 6 && (word1 & 0xffff) === 0) return UDP_CHECKSUM_ZERO;
  return PARSED;
}

function parseIcmp(packet: Packet): number {
  if (packet.l4Bytes < ICMP_HEADER_BYTES) return BAD_ICMP;
  packet.icmpType = packet.bytes[packet.l4Offset]!;
  packet.icmpCode = packet.bytes[packet.l4Offset + 1]!;
  packet.payloadBytes = packet.l4Bytes - ICMP_HEADER_BYTES;
  return PARSED;
}
