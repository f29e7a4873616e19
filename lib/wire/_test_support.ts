/**
 * What the tests of this folder share.
 *
 * @module
 */

import fc from "fast-check";
import { IpAddress } from "./address.ts";
import { isForwardable } from "./address_class.ts";
import { Packet } from "./packet.ts";

/** Bytes around a packet, to see whether anybody writes there. */
export const FENCE = 0xa5;

/** Where tests put the IP packet: a virtio_net_hdr and an Ethernet header fit before it, and a fence. */
export const IP_OFFSET = 64;

/** Bytes from hexadecimal text; spaces are ignored, and everything after `#` on a line. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/#.*$/gm, "").replace(/\s+/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** A buffer of fence bytes with an IP packet in it, and a `Packet` that looks at it. */
export function place(ip: Uint8Array): { packet: Packet; bytes: Uint8Array<ArrayBuffer> } {
  const bytes = new Uint8Array(IP_OFFSET + ip.length + 64).fill(FENCE);
  bytes.set(ip, IP_OFFSET);
  const packet = new Packet();
  packet.attach(bytes.buffer);
  return { packet, bytes };
}

/** The same with a whole slot: virtio_net_hdr, Ethernet header, packet. */
export function placeSlot(slot: Uint8Array): { packet: Packet; bytes: Uint8Array<ArrayBuffer> } {
  const bytes = new Uint8Array(IP_OFFSET + slot.length + 64).fill(FENCE);
  bytes.set(slot, IP_OFFSET - 24);
  const packet = new Packet();
  packet.attach(bytes.buffer);
  return { packet, bytes };
}

/** RFC 1071 by the letter: the slow twin of what `checksum.ts` does. */
export function naiveSum(bytes: readonly number[] | Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! * 256 : bytes[i]!;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** Any address of the family that a forwarded packet can have. */
export function anyAddress(family: 4 | 6): fc.Arbitrary<IpAddress> {
  const length = family === 4 ? 4 : 16;
  return fc.uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => IpAddress.fromBytes(bytes))
    .filter((address) => address.family === family && isForwardable(address));
}

export const anyPort: fc.Arbitrary<number> = fc.integer({ min: 1, max: 65535 });

/** Source and destination as `rewrite` takes them. */
export function wordsOf(source: IpAddress, destination: IpAddress): Int32Array {
  return Int32Array.of(...source.words, ...destination.words);
}
