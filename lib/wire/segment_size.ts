/**
 * Making the segments of one TCP session smaller on the way: a packet larger than the path to its client is handed to
 * the kernel as a super-packet of smaller segments, and the kernel cuts it, sequence numbers and checksums right.
 *
 * @module
 */

import { fillPartialL4, verifyL4 } from "./l4_checksum.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_TCP } from "./protocol.ts";
import {
  CSUM_OFFSET,
  CSUM_START,
  FLAG_NEEDS_CSUM,
  GSO_SIZE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_TYPE,
  gsoSize,
  HDR_LEN,
  needsChecksum,
} from "./virtio_net_header.ts";

/**
 * Sees to it that no segment of a parsed packet is larger than `mtuBytes` as an IP packet. To be called before `rewrite`,
 * which has to be told afterwards what `needsChecksum` says then.
 *
 * @param linkBytes bytes from the start of the frame to the IP header: 14, or 0 in a tun device
 * @returns whether all segments fit now. Not when the packet is larger and no TCP, has no room for payload, or has a
 * wrong checksum, which would come out right
 */
export function limitSegments(
  packet: Packet,
  vnetOffset: number,
  mtuBytes: number,
  linkBytes: number,
): boolean {
  if (packet.totalBytes <= mtuBytes) return true;
  const { view } = packet;
  const headerBytes = packet.totalBytes - packet.payloadBytes;
  const segmentBytes = mtuBytes - headerBytes;
  const currentBytes = gsoSize(view, vnetOffset);
  if (currentBytes !== 0 && currentBytes <= segmentBytes) return true;
  if (packet.protocol !== PROTOCOL_TCP || packet.isFragment || segmentBytes <= 0) return false;
  if (currentBytes !== 0) {
    view.setUint16(vnetOffset + GSO_SIZE, segmentBytes, true);
    return true;
  }
  if (!needsChecksum(view, vnetOffset)) {
    if (!verifyL4(packet, false)) return false;
    fillPartialL4(packet);
    view.setUint8(vnetOffset, FLAG_NEEDS_CSUM);
    view.setUint16(vnetOffset + CSUM_START, linkBytes + packet.ipHeaderBytes, true);
    view.setUint16(vnetOffset + CSUM_OFFSET, 16, true);
  }
  view.setUint8(vnetOffset + GSO_TYPE, packet.family === 4 ? GSO_TCPV4 : GSO_TCPV6);
  view.setUint16(vnetOffset + GSO_SIZE, segmentBytes, true);
  view.setUint16(vnetOffset + HDR_LEN, linkBytes + headerBytes, true);
  return true;
}
