/**
 * Prefixes (`10.0.1.0/24`) and ranges (`10.0.1.1-10.0.1.9`) of addresses, and the way from one to the other: a range is
 * what people configure, prefixes are what routes are made of.
 *
 * @module
 */

import { IpAddress } from "./address.ts";

/** A network: `length` counts the leading bits of the family's own address, 0-32 or 0-128. The other bits are zero. */
export interface Prefix {
  readonly address: IpAddress;
  readonly length: number;
}

/** All addresses from `first` to `last`, both included, of one family. */
export interface AddressRange {
  readonly first: IpAddress;
  readonly last: IpAddress;
}

/**
 * Reads `10.0.1.0/24`; an address alone is a prefix of full length.
 *
 * @throws SyntaxError when it is no prefix, or has bits set after its length (as `ip route` does)
 */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const address = IpAddress.parse(slash < 0 ? text : text.slice(0, slash));
  const bits = widthBits(address);
  const lengthText = slash < 0 ? String(bits) : text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : NaN;
  if (!(length <= bits)) {
    throw new SyntaxError(`Cannot read "${text}" as a prefix: its length is not 0-${bits}`);
  }
  const network = fromNumber(address.family, toNumber(address) & ~hostMask(bits - length));
  if (!network.equals(address)) {
    throw new SyntaxError(
      `Cannot read "${text}" as a prefix: bits are set after its length, did you mean ${network}/${length}`,
    );
  }
  return { address, length };
}

/** `10.0.1.0/24`. */
export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

/** Whether the address is in the prefix. An address of the other family never is. */
export function contains(prefix: Prefix, address: IpAddress): boolean {
  if (prefix.address.family !== address.family) return false;
  const a = prefix.address.words, b = address.words;
  // IPv4 is the last of four words.
  let word = address.family === 4 ? 3 : 0;
  let bits = prefix.length;
  for (; bits >= 32; bits -= 32) {
    if (a[word] !== b[word]) return false;
    word++;
  }
  return bits === 0 || ((a[word]! ^ b[word]!) >>> (32 - bits)) === 0;
}

/**
 * Reads `10.0.1.1`, `10.0.1.1-10.0.1.9` or `10.0.1.0/24` (all of its addresses, the first and the last too).
 *
 * @throws SyntaxError when it is none of them, mixes families, or runs backwards
 */
export function parseAddressRange(text: string): AddressRange {
  if (text.includes("/")) return rangeOfPrefix(parsePrefix(text));
  const parts = text.split("-");
  if (parts.length > 2) {
    throw new SyntaxError(`Cannot read "${text}" as addresses: need A, A-B or A/LENGTH`);
  }
  const first = IpAddress.parse(parts[0]!.trim());
  const last = parts.length === 1 ? first : IpAddress.parse(parts[1]!.trim());
  if (first.family !== last.family) {
    throw new SyntaxError(`Cannot read "${text}" as addresses: IPv4 and IPv6 in one range`);
  }
  if (first.compare(last) > 0) {
    throw new SyntaxError(`Cannot read "${text}" as addresses: the last comes before the first`);
  }
  return { first, last };
}

/** `10.0.1.1-10.0.1.9`, or the address alone when there is one. */
export function formatAddressRange(range: AddressRange): string {
  return range.first.equals(range.last) ? String(range.first) : `${range.first}-${range.last}`;
}

/** The range that a prefix is. */
export function rangeOfPrefix(prefix: Prefix): AddressRange {
  const { address, length } = prefix;
  const last = toNumber(address) | hostMask(widthBits(address) - length);
  return { first: address, last: fromNumber(address.family, last) };
}

/** The fewest prefixes that hold exactly the addresses from `first` to `last`, in order. */
export function prefixesOfRange(first: IpAddress, last: IpAddress): Prefix[] {
  if (first.family !== last.family || first.compare(last) > 0) {
    throw new RangeError(`Cannot cover ${first}-${last} with prefixes: not a range`);
  }
  const bits = widthBits(first);
  const end = toNumber(last);
  const prefixes: Prefix[] = [];
  let next = toNumber(first);
  while (next <= end) {
    let hostBits = 0;
    while (hostBits < bits) {
      const mask = hostMask(hostBits + 1);
      if ((next & mask) !== 0n || next + mask > end) break;
      hostBits++;
    }
    prefixes.push({ address: fromNumber(first.family, next), length: bits - hostBits });
    next += 1n << BigInt(hostBits);
  }
  return prefixes;
}

/** Whether the address is in the range. An address of the other family never is. */
export function rangeContains(range: AddressRange, address: IpAddress): boolean {
  return range.first.family === address.family && range.first.compare(address) <= 0 &&
    address.compare(range.last) <= 0;
}

/** Whether two ranges have an address in common. */
export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.first.family === b.first.family && a.first.compare(b.last) <= 0 &&
    b.first.compare(a.last) <= 0;
}

/** How many addresses the range holds; exact up to 2^53, the nearest number beyond. */
export function countAddresses(range: AddressRange): number {
  return Number(toNumber(range.last) - toNumber(range.first) + 1n);
}

/**
 * The address `index` places after the first.
 *
 * @throws RangeError when the range has fewer addresses
 */
export function addressAt(range: AddressRange, index: number): IpAddress {
  const number = toNumber(range.first) + BigInt(index);
  if (index < 0 || number > toNumber(range.last)) {
    throw new RangeError(
      `Cannot take address ${index} of ${formatAddressRange(range)}: there are ${
        countAddresses(range)
      }`,
    );
  }
  return fromNumber(range.first.family, number);
}

/** Every address of the ranges, in order. */
export function* addressesOf(ranges: readonly AddressRange[]): Generator<IpAddress> {
  for (const { first, last } of ranges) {
    const end = toNumber(last);
    for (let next = toNumber(first); next <= end; next++) yield fromNumber(first.family, next);
  }
}

function widthBits(address: IpAddress): number {
  return address.family === 4 ? 32 : 128;
}

/** `hostBits` ones at the right end. */
function hostMask(hostBits: number): bigint {
  return (1n << BigInt(hostBits)) - 1n;
}

/** The address as one number: 32 bits of IPv4, 128 of IPv6. Configuration only, so BigInt does no harm. */
function toNumber(address: IpAddress): bigint {
  let number = 0n;
  for (const byte of address.toBytes()) number = (number << 8n) | BigInt(byte);
  return number;
}

function fromNumber(family: 4 | 6, number: bigint): IpAddress {
  const word = (index: number) => Number((number >> BigInt(32 * (3 - index))) & 0xffffffffn);
  return family === 4
    ? IpAddress.fromWords(0, 0, 0xffff, word(3))
    : IpAddress.fromWords(word(0), word(1), word(2), word(3));
}
