/**
 * The reset that answers a TCP segment nobody expects (RFC 9293 section 3.10.7.1).
 *
 * @module
 */

import { formatEndpoint, IpAddress } from "./address.ts";
import { buildPacket } from "./build_frame.ts";
import type { Packet } from "./packet.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "./tcp_flags.ts";

/**
 * An IP packet that resets the connection of a parsed TCP packet, as if its destination had sent it; `null` when the
 * packet is a reset itself, which is never answered.
 */
export function buildTcpReset(packet: Packet): Uint8Array<ArrayBuffer> | null {
  const flags = packet.tcpFlags;
  if ((flags & TCP_RST) !== 0) return null;
  const end = (at: number, port: number) => {
    const [w0, w1, w2, w3] = packet.addresses.subarray(at) as unknown as Words;
    return formatEndpoint({ address: IpAddress.fromWords(w0, w1, w2, w3), port });
  };
  const isAcknowledging = (flags & TCP_ACK) !== 0;
  // "If the ACK bit is off, sequence number zero is used, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>"
  const segmentLength = packet.payloadBytes + ((flags & TCP_SYN) !== 0 ? 1 : 0) +
    ((flags & TCP_FIN) !== 0 ? 1 : 0);
  return buildPacket({
    protocol: "tcp",
    source: end(4, packet.destinationPort),
    destination: end(0, packet.sourcePort),
    flags: isAcknowledging ? TCP_RST : TCP_RST | TCP_ACK,
    sequence: isAcknowledging ? packet.tcpAcknowledgement >>> 0 : 0,
    acknowledgement: isAcknowledging ? 0 : (packet.tcpSequence + segmentLength) >>> 0,
    window: 0,
  });
}

type Words = [number, number, number, number];
