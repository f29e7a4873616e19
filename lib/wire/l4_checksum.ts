/**
 * The checksum above IP over the whole packet: to verify it, to fill it in, to leave it partial. Reads every byte, so
 * it is not for the packet path; `rewrite.ts` mends checksums there.
 *
 * @module
 */

import { finish, fold, pseudoHeaderSum, sum16 } from "./checksum.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "./protocol.ts";

/**
 * Whether the checksum of a parsed packet is right. That of a fragment cannot be told, nor is there one in UDP over IPv4
 * with 0 in its place: both count as right.
 *
 * @param partial whether it should be the sum of the pseudo-header only, see `rewrite.ts`
 */
export function verifyL4(packet: Packet, partial: boolean): boolean {
  if (packet.isFragment) return true;
  const { view } = packet;
  const checksum = view.getUint16(checksumAt(packet));
  if (partial) return fold(checksum) % 0xffff === pseudoSum(packet) % 0xffff;
  if (packet.protocol === PROTOCOL_UDP && checksum === 0) return true;
  return sum16(view, packet.l4Offset, coveredBytes(packet), pseudoSum(packet)) === 0xffff;
}

/** Writes the full checksum of a parsed packet, which is no fragment, whatever stood there. */
export function fillL4(packet: Packet): void {
  const at = checksumAt(packet);
  packet.view.setUint16(at, 0);
  const checksum = finish(
    sum16(packet.view, packet.l4Offset, coveredBytes(packet), pseudoSum(packet)),
  );
  const isUdpZero = checksum === 0 && packet.protocol === PROTOCOL_UDP;
  packet.view.setUint16(at, isUdpZero ? 0xffff : checksum);
}

/** Writes the partial checksum of a parsed packet, which is no fragment. Its virtio_net_hdr has to say NEEDS_CSUM then. */
export function fillPartialL4(packet: Packet): void {
  packet.view.setUint16(checksumAt(packet), pseudoSum(packet));
}

function checksumAt(packet: Packet): number {
  if (packet.protocol === PROTOCOL_TCP) return packet.l4Offset + 16;
  return packet.l4Offset + (packet.protocol === PROTOCOL_UDP ? 6 : 2);
}

/** UDP counts its own length, which may leave a surplus behind it (RFC 9868); the others what IP carries. */
function coveredBytes(packet: Packet): number {
  return packet.protocol === PROTOCOL_UDP
    ? packet.view.getUint16(packet.l4Offset + 4)
    : packet.l4Bytes;
}

/** ICMP for IPv4 is the one without a pseudo-header. */
function pseudoSum(packet: Packet): number {
  if (packet.protocol === PROTOCOL_ICMP) return 0;
  return pseudoHeaderSum(packet.family, packet.addresses, packet.protocol, coveredBytes(packet));
}
