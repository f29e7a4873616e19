/**
 * Cutting an IPv4 packet into fragments that fit a link (RFC 791 section 2.3), for a sender that has not forbidden it.
 *
 * @module
 */

import { finish, sum16 } from "./checksum.ts";
import { IPV4_HEADER_BYTES } from "./ipv4.ts";
import type { Packet } from "./packet.ts";

const MORE_FRAGMENTS = 0x2000;

/**
 * Whether a parsed packet may be cut. One with options may not: which of them go into every fragment would have to be
 * looked at, and nobody sends them.
 */
export function mayCut(packet: Packet): boolean {
  return packet.family === 4 && !packet.dontFragment &&
    packet.ipHeaderBytes === IPV4_HEADER_BYTES;
}

/**
 * Cuts a packet that may be cut, and is larger than that, in place. The checksum above IP has to be in it already. What
 * it was a fragment of, or its identification, is as it stands in the bytes by now.
 *
 * @returns the other fragments, in order; `packet` is the first one, with `totalBytes` as it is now
 */
export function cutIpv4(packet: Packet, mtuBytes: number): Uint8Array<ArrayBuffer>[] {
  const { view, bytes, ipOffset } = packet;
  const payloadBytes = packet.totalBytes - IPV4_HEADER_BYTES;
  const partBytes = (mtuBytes - IPV4_HEADER_BYTES) & ~7;
  const header = bytes.slice(ipOffset, ipOffset + IPV4_HEADER_BYTES);
  const others: Uint8Array<ArrayBuffer>[] = [];
  for (let start = partBytes; start < payloadBytes; start += partBytes) {
    const end = Math.min(start + partBytes, payloadBytes);
    const from = ipOffset + IPV4_HEADER_BYTES;
    const fragment = new Uint8Array(IPV4_HEADER_BYTES + end - start);
    fragment.set(header);
    fragment.set(bytes.subarray(from + start, from + end), IPV4_HEADER_BYTES);
    place(new DataView(fragment.buffer), { start, end, isLast: end === payloadBytes });
    others.push(fragment);
  }
  const isLast = partBytes >= payloadBytes;
  place(new DataView(view.buffer, ipOffset), { start: 0, end: partBytes, isLast });
  packet.totalBytes = IPV4_HEADER_BYTES + partBytes;
  return others;
}

/** Makes a copy of the header that of a part: from `start` to `end` of the payload. */
function place(
  header: DataView,
  { start, end, isLast }: { start: number; end: number; isLast: boolean },
): void {
  const word = header.getUint16(6);
  header.setUint16(2, IPV4_HEADER_BYTES + end - start);
  // The last part of a fragment in the middle is no last fragment.
  header.setUint16(6, (word + start / 8) | (isLast ? 0 : MORE_FRAGMENTS));
  header.setUint16(10, 0);
  header.setUint16(10, finish(sum16(header, 0, IPV4_HEADER_BYTES)));
}
