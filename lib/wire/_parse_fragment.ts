/**
 * The checks of `Packet.parse` that concern fragments of both IP versions.
 *
 * @module
 */

import type { Packet } from "./packet.ts";
import { PROTOCOL_TCP } from "./protocol.ts";
import { BAD_FRAGMENT, PARSED } from "./reason.ts";

/**
 * Whether a fragment can be part of a datagram. `packet.l4Bytes` are the bytes that it contributes.
 *
 * @param precedingBytes bytes of the reassembled packet that come before the fragmented part and count for its length
 */
export function checkFragment(packet: Packet, precedingBytes: number): number {
  const bytes = packet.l4Bytes;
  const offset = packet.fragmentOffsetBytes;
  if (bytes === 0) return BAD_FRAGMENT;
  // All but the last one end on a multiple of 8 (RFC 791 section 3.2, RFC 8200 section 4.5).
  if (packet.moreFragments && (bytes & 7) !== 0) return BAD_FRAGMENT;
  // "Ping of death": a datagram beyond 65,535 bytes.
  if (precedingBytes + offset + bytes > 0xffff) return BAD_FRAGMENT;
  // RFC 3128: a second fragment that starts inside the TCP header could overwrite its flags.
  if (packet.protocol === PROTOCOL_TCP && offset === 8) return BAD_FRAGMENT;
  return PARSED;
}
