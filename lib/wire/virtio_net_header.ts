/**
 * The 10 bytes before each packet of a packet socket with PACKET_VNET_HDR and of a tun device with IFF_VNET_HDR: how far
 * its checksum is done and how it is to be cut up (virtio 1.2 section 5.1.6, linux/virtio_net.h).
 *
 * ```
 *  0      1         2        4         6           8             10
 *  | flags| gso_type| hdr_len| gso_size| csum_start| csum_offset |     numbers in host order: little endian here
 * ```
 *
 * `csum_start` and `hdr_len` count from the start of the frame: with the Ethernet header in a packet socket, without one in a tun device.
 *
 * @module
 */

import { ETHERNET_HEADER_BYTES } from "./ethernet.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "./protocol.ts";
import { BAD_VNET_HEADER, PARSED } from "./reason.ts";

export const VIRTIO_NET_HEADER_BYTES = 10;

export const FLAG_NEEDS_CSUM = 1;
export const FLAG_DATA_VALID = 2;

export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** Added to the type of TCP packets whose first segment alone keeps CWR. */
export const GSO_ECN = 0x80;

export const GSO_TYPE = 1;
export const HDR_LEN = 2;
export const GSO_SIZE = 4;
export const CSUM_START = 6;
export const CSUM_OFFSET = 8;

/** Whether the checksum above IP is partial, see `rewrite.ts`. */
export function needsChecksum(view: DataView, offset: number): boolean {
  return (view.getUint8(offset) & FLAG_NEEDS_CSUM) !== 0;
}

/** Bytes of payload in each segment that the packet will be cut into; 0 when it is not to be cut. */
export function gsoSize(view: DataView, offset: number): number {
  return view.getUint8(offset + GSO_TYPE) === GSO_NONE
    ? 0
    : view.getUint16(offset + GSO_SIZE, true);
}

/**
 * As how many packets a parsed one counts whose header has passed {@linkcode check}. Datagrams that were handed over together (UDP_SEGMENT, udp(7)) are each
 * one: a network card cuts them, and whoever is behind it never sees them together. TCP that was put together is one
 * packet, as it is put together again on its way.
 */
export function countedPackets(view: DataView, offset: number, packet: Packet): number {
  return view.getUint8(offset + GSO_TYPE) === GSO_UDP_L4
    ? Math.max(1, Math.ceil(packet.payloadBytes / view.getUint16(offset + GSO_SIZE, true)))
    : 1;
}

/**
 * Whether the header at `offset` fits the packet that was parsed. What passes can be sent again with the packet: the
 * kernel finds the checksum and the payload where the packet has them.
 *
 * @param frameBytes bytes of the frame that `csum_start` counts in: what `packet.parse` was given, and the Ethernet header
 * where there is one
 * @returns `PARSED` or `BAD_VNET_HEADER`
 */
export function check(view: DataView, offset: number, frameBytes: number, packet: Packet): number {
  const flags = view.getUint8(offset);
  const gsoType = view.getUint8(offset + GSO_TYPE);
  const linkBytes = frameBytes - packet.givenBytes;
  if (linkBytes !== ETHERNET_HEADER_BYTES && linkBytes !== 0) return BAD_VNET_HEADER;
  if ((flags & ~(FLAG_NEEDS_CSUM | FLAG_DATA_VALID)) !== 0) return BAD_VNET_HEADER;
  if (view.getUint16(offset + HDR_LEN, true) > frameBytes) return BAD_VNET_HEADER;
  if ((flags & FLAG_NEEDS_CSUM) !== 0) {
    const start = view.getUint16(offset + CSUM_START, true);
    const field = view.getUint16(offset + CSUM_OFFSET, true);
    if (
      packet.isFragment || start !== linkBytes + packet.ipHeaderBytes ||
      field !== checksumOffset(packet.protocol)
    ) return BAD_VNET_HEADER;
  }
  if (gsoType === GSO_NONE) return PARSED;
  const size = view.getUint16(offset + GSO_SIZE, true);
  if (size === 0 || size > frameBytes || packet.isFragment) return BAD_VNET_HEADER;
  return gsoTypeFits(gsoType, packet) ? PARSED : BAD_VNET_HEADER;
}

/** Makes the header say that the packet is complete: one packet, its checksum in place. */
export function clearVnetHeader(view: DataView, offset: number): void {
  for (let i = 0; i < VIRTIO_NET_HEADER_BYTES; i++) view.setUint8(offset + i, 0);
}

/**
 * Makes the header count from a frame start that lies `deltaBytes` earlier: 14 when an Ethernet header is put before the
 * packet of a tun device.
 */
export function shift(view: DataView, offset: number, deltaBytes: number): void {
  // A hdr_len of 0 says "not known", and says so wherever the frame starts.
  const headerBytes = view.getUint16(offset + HDR_LEN, true);
  if (headerBytes !== 0) view.setUint16(offset + HDR_LEN, headerBytes + deltaBytes, true);
  if (needsChecksum(view, offset)) {
    const start = view.getUint16(offset + CSUM_START, true);
    view.setUint16(offset + CSUM_START, start + deltaBytes, true);
  }
}

/** Where the checksum stands in the header above IP; -1 for what the kernel does not leave partial. */
function checksumOffset(protocol: number): number {
  if (protocol === PROTOCOL_TCP) return 16;
  if (protocol === PROTOCOL_UDP) return 6;
  return protocol === PROTOCOL_ICMPV6 ? 2 : -1;
}

function gsoTypeFits(gsoType: number, packet: Packet): boolean {
  if (gsoType === GSO_UDP_L4) return packet.protocol === PROTOCOL_UDP;
  return packet.protocol === PROTOCOL_TCP &&
    (gsoType & ~GSO_ECN) === (packet.family === 4 ? GSO_TCPV4 : GSO_TCPV6);
}
