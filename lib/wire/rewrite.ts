/**
 * Changing a parsed packet in place: addresses, ports, hop limit, identification, and every checksum that covers them.
 *
 * A packet's checksum comes in two forms, and the virtio_net_hdr tells which (Linux Documentation/networking/checksum-offloads.rst):
 *
 * - full: the complement of the sum over pseudo-header, header and payload. A change goes in by RFC 1624 equation 3.
 * - partial (NEEDS_CSUM): the field holds the sum of the pseudo-header alone, **not** complemented; whoever sends the packet
 *   adds the rest. A changed address is added to it, and ports do not count.
 *
 * The fields of the `Packet` stay what they were: they say what arrived. A wrong checksum stays wrong by the same amount.
 *
 * @module
 */

import { changeOf16, changeOfWord, fold, update } from "./checksum.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "./protocol.ts";

/** Change of the sum when the upper byte of a 16-bit word goes down by one: `~m + m'` is 0xffff - 0x0100 whatever `m` is. */
const CHANGE_OF_DECREMENT = 0xfeff;

/**
 * Writes new addresses and ports and mends the checksums. To be called once after `packet.parse` returned `PARSED`.
 *
 * A fragment that is not the first gets new addresses only; ICMP has no ports. `to` is of the packet's own family.
 *
 * @param to new source in words 0-3, new destination in words 4-7, IPv4 in mapped form
 * @param partial whether the checksum above IP is partial: `needsChecksum()` of its virtio_net_hdr
 */
export function rewrite(
  packet: Packet,
  to: Int32Array,
  sourcePort: number,
  destinationPort: number,
  partial: boolean,
): void {
  const change = packet.family === 4 ? rewriteIpv4(packet, to) : rewriteIpv6(packet, to);
  if (packet.fragmentOffsetBytes !== 0) return;
  const protocol = packet.protocol;
  const at = packet.l4Offset;
  if (protocol === PROTOCOL_TCP) {
    const ports = rewritePorts(packet, sourcePort, destinationPort);
    rewriteChecksum(packet.view, at + 16, partial, change, ports);
  } else if (protocol === PROTOCOL_UDP) {
    const ports = rewritePorts(packet, sourcePort, destinationPort);
    rewriteUdpChecksum(packet.view, at + 6, partial, change, ports);
  } else if (protocol === PROTOCOL_ICMPV6) {
    rewriteChecksum(packet.view, at + 2, partial, change, 0);
  }
}

/** Takes one from TTL or hop limit, which has to be above 0. */
export function decrementHopLimit(packet: Packet): void {
  const bytes = packet.bytes;
  const at = packet.ipOffset;
  if (packet.family === 6) {
    bytes[at + 7] = bytes[at + 7]! - 1;
    return;
  }
  bytes[at + 8] = bytes[at + 8]! - 1;
  const view = packet.view;
  view.setUint16(at + 10, update(view.getUint16(at + 10), CHANGE_OF_DECREMENT));
}

/**
 * Writes a new identification: 16 bits of IPv4, 32 bits of an IPv6 fragment header. An IPv6 packet without such a header
 * has none and stays as it is.
 */
export function setIdentification(packet: Packet, identification: number): void {
  const view = packet.view;
  if (packet.family === 6) {
    if (packet.fragmentHeaderOffset !== 0) {
      view.setInt32(packet.fragmentHeaderOffset + 4, identification);
    }
    return;
  }
  const at = packet.ipOffset;
  const change = changeOf16(view.getUint16(at + 4), identification & 0xffff);
  view.setUint16(at + 4, identification);
  view.setUint16(at + 10, update(view.getUint16(at + 10), change));
}

/** Returns the change of the sum of both addresses, folded. */
function rewriteIpv4(packet: Packet, to: Int32Array): number {
  const view = packet.view;
  const at = packet.ipOffset;
  const from = packet.addresses;
  const source = to[3]!;
  const destination = to[7]!;
  const change = fold(changeOfWord(from[3]!, source) + changeOfWord(from[7]!, destination));
  view.setInt32(at + 12, source);
  view.setInt32(at + 16, destination);
  view.setUint16(at + 10, update(view.getUint16(at + 10), change));
  return change;
}

/** As `rewriteIpv4`; the IPv6 header has no checksum. */
function rewriteIpv6(packet: Packet, to: Int32Array): number {
  const view = packet.view;
  const at = packet.ipOffset + 8;
  const from = packet.addresses;
  let change = 0;
  for (let i = 0; i < 8; i++) {
    const word = to[i]!;
    change += changeOfWord(from[i]!, word);
    view.setInt32(at + (i << 2), word);
  }
  return fold(change);
}

/** Returns the change of the sum of both ports. */
function rewritePorts(packet: Packet, sourcePort: number, destinationPort: number): number {
  const view = packet.view;
  view.setUint16(packet.l4Offset, sourcePort);
  view.setUint16(packet.l4Offset + 2, destinationPort);
  return changeOf16(packet.sourcePort, sourcePort) +
    changeOf16(packet.destinationPort, destinationPort);
}

function rewriteChecksum(
  view: DataView,
  at: number,
  partial: boolean,
  addresses: number,
  ports: number,
): void {
  const checksum = view.getUint16(at);
  view.setUint16(at, partial ? fold(checksum + addresses) : update(checksum, addresses + ports));
}

/** UDP (RFC 768): a full checksum of 0 means that there is none and stays; one that comes out as 0 is sent as 0xffff. */
function rewriteUdpChecksum(
  view: DataView,
  at: number,
  partial: boolean,
  addresses: number,
  ports: number,
): void {
  const checksum = view.getUint16(at);
  if (partial) {
    view.setUint16(at, fold(checksum + addresses));
  } else if (checksum !== 0) {
    const updated = update(checksum, addresses + ports);
    view.setUint16(at, updated === 0 ? 0xffff : updated);
  }
}
