/**
 * A second reading of IP packets, slow and by the letter, that shares nothing with lib/wire: the judge
 * of what lib/wire did. For packets that parsed.
 *
 * @module
 */

const TCP = 6, UDP = 17, ICMP = 1, ICMPV6 = 58;

/** Where things are in a packet; offsets count from its start. */
export interface Layout {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly l4: number;
  /** End of the packet by its own length field. */
  readonly end: number;
  readonly fragmentOffset: number;
  readonly isFragment: boolean;
}

/** Reads the IP header and steps over extension headers; null when they make no sense. */
export function layoutOf(bytes: Uint8Array, at = 0, available = bytes.length): Layout | null {
  const version = available > at ? bytes[at]! >> 4 : 0;
  if (version === 4) {
    if (available - at < 20) return null;
    const offset = (u16(bytes, at + 6) & 0x1fff) * 8;
    return {
      family: 4,
      protocol: bytes[at + 9]!,
      l4: at + (bytes[at]! & 15) * 4,
      end: at + u16(bytes, at + 2),
      fragmentOffset: offset,
      isFragment: offset > 0 || (u16(bytes, at + 6) & 0x2000) !== 0,
    };
  }
  if (version !== 6 || available - at < 40) return null;
  let header = bytes[at + 6]!;
  let l4 = at + 40;
  let fragmentOffset = 0;
  let isFragment = false;
  while (header === 0 || header === 43 || header === 44 || header === 60) {
    if (fragmentOffset > 0) break;
    if (l4 + 8 > available) return null;
    if (header === 44) {
      const word = u16(bytes, l4 + 2);
      fragmentOffset = word & 0xfff8;
      isFragment = (word & 0xfff9) !== 0;
    }
    const length = header === 44 ? 8 : (bytes[l4 + 1]! + 1) * 8;
    header = bytes[l4]!;
    l4 += length;
  }
  const end = at + 40 + u16(bytes, at + 4);
  return { family: 6, protocol: header, l4, end, fragmentOffset, isFragment };
}

export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

export function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 65536 + u16(bytes, at + 2);
}

/** RFC 1071: the one's complement sum of 16-bit words. */
export function onesSum(bytes: Uint8Array, from: number, to: number, initial = 0): number {
  let sum = initial;
  for (let at = from; at < to; at += 2) {
    sum += bytes[at]! * 256 + (at + 1 < to ? bytes[at + 1]! : 0);
  }
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** The sum of both addresses of the packet at `at`. */
export function addressSum(bytes: Uint8Array, at: number, family: 4 | 6): number {
  return family === 4 ? onesSum(bytes, at + 12, at + 20) : onesSum(bytes, at + 8, at + 40);
}

/** Whether the IPv4 header checksum is right; true for IPv6. */
export function isIpChecksumRight(bytes: Uint8Array, { family, l4 }: Layout, at = 0): boolean {
  return family === 6 || onesSum(bytes, at, l4) === 0xffff;
}

/** Where the checksum above IP is, or -1 when the packet shows none. */
export function checksumOffset({ protocol, family, l4, fragmentOffset }: Layout): number {
  if (fragmentOffset > 0) return -1;
  if (protocol === TCP) return l4 + 16;
  if (protocol === UDP) return l4 + 6;
  return protocol === (family === 4 ? ICMP : ICMPV6) ? l4 + 2 : -1;
}

/**
 * Whether the checksum above IP is right: 1 or 0; -1 when that cannot be told, or there is none.
 *
 * @param partial whether it should be the sum of the pseudo-header alone
 */
export function l4Checksum(bytes: Uint8Array, layout: Layout, partial: boolean, at = 0): number {
  const field = checksumOffset(layout);
  if (field < 0 || layout.isFragment) return -1;
  const { protocol, family, l4, end } = layout;
  const isUdp = protocol === TCP ? false : protocol === UDP;
  const stored = u16(bytes, field);
  if (isUdp && stored === 0 && !partial) return -1;
  const covered = isUdp ? u16(bytes, l4 + 4) : end - l4;
  const pseudo = protocol === ICMP
    ? 0
    : onesSum(bytes, 0, 0, addressSum(bytes, at, family) + protocol + covered);
  if (partial) return stored % 0xffff === pseudo % 0xffff ? 1 : 0;
  return onesSum(bytes, l4, l4 + covered, pseudo) === 0xffff ? 1 : 0;
}

/** Makes the IPv4 header checksum right. */
export function mendIp(bytes: Uint8Array): void {
  if (bytes.length < 20 || bytes[0]! >> 4 !== 4) return;
  const header = (bytes[0]! & 15) * 4;
  if (header < 20 || header > bytes.length) return;
  set16(bytes, 10, 0);
  set16(bytes, 10, ~onesSum(bytes, 0, header) & 0xffff);
}

/** Makes the length in the IP header that of the bytes. */
export function mendLength(bytes: Uint8Array): void {
  if (bytes.length < 20) return;
  if (bytes[0]! >> 4 === 4) set16(bytes, 2, bytes.length);
  else if (bytes[0]! >> 4 === 6) set16(bytes, 4, Math.max(0, bytes.length - 40));
}

/** Makes the checksum above IP right, where there is one. */
export function mendL4(bytes: Uint8Array, partial: boolean): void {
  const layout = layoutOf(bytes);
  if (layout === null || layout.isFragment || layout.end > bytes.length) return;
  const field = checksumOffset(layout);
  const { protocol, family, l4, end } = layout;
  if (field < 0 || field + 2 > end) return;
  if (protocol === UDP) set16(bytes, l4 + 4, end - l4);
  const pseudo = protocol === ICMP
    ? 0
    : onesSum(bytes, 0, 0, addressSum(bytes, 0, family) + protocol + end - l4);
  set16(bytes, field, 0);
  const sum = partial ? pseudo : ~onesSum(bytes, l4, end, pseudo) & 0xffff;
  set16(bytes, field, sum === 0 && protocol === UDP ? 0xffff : sum);
}

function set16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
