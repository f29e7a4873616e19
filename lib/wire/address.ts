/**
 * The one address type of the program, and endpoints (address and port) made of it.
 *
 * An address is four 32-bit words whatever its family, so that one table and one comparison serve both: an IPv4 address
 * is held in its mapped form `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2). A mapped address in an IPv6 header never gets
 * this far (the packet parser drops it), so the two cannot be confused.
 *
 * @module
 */

import ipaddr from "ipaddr.js";

/** Third word of every IPv4 address in mapped form; the first two are zero. */
export const MAPPED_WORD = 0x0000ffff;

/** Whether four words are an IPv4 address in mapped form. */
export function isMapped(w0: number, w1: number, w2: number): boolean {
  return w0 === 0 && w1 === 0 && w2 === MAPPED_WORD;
}

/** An IPv4 or IPv6 address. Immutable: nobody writes to `words`. */
export class IpAddress {
  readonly family: 4 | 6;
  /** Four words in network order, each as a signed 32-bit integer; IPv4 is `0, 0, 0x0000ffff, a.b.c.d`. */
  readonly words: Int32Array;

  private constructor(w0: number, w1: number, w2: number, w3: number) {
    const words = new Int32Array(4);
    words[0] = w0;
    words[1] = w1;
    words[2] = w2;
    words[3] = w3;
    this.words = words;
    this.family = isMapped(this.words[0]!, this.words[1]!, this.words[2]!) ? 4 : 6;
  }

  /**
   * Reads an address as people write it: four decimal numbers, or RFC 4291 text. A mapped address (`::ffff:10.0.0.1`,
   * as dual-stack sockets report it) is that IPv4 address. Octal, hexadecimal and shortened IPv4 forms and zones
   * (`fe80::1%eth0`) are refused.
   *
   * @throws SyntaxError when the text is not an address
   */
  static parse(text: string): IpAddress {
    const dotted = parseDotted(text);
    if (dotted !== null) return new IpAddress(0, 0, MAPPED_WORD, dotted);
    const groups = text.includes(":") && !text.includes("%") ? withoutDots(text) : "";
    if (ipaddr.IPv6.isValid(groups)) {
      return IpAddress.fromBytes(Uint8Array.from(ipaddr.IPv6.parse(groups).toByteArray()));
    }
    throw new SyntaxError(`Cannot read "${text}" as an address: not an IPv4 or IPv6 address`);
  }

  /** From four words in network order, signed or not; IPv4 in mapped form. */
  static fromWords(w0: number, w1: number, w2: number, w3: number): IpAddress {
    return new IpAddress(w0, w1, w2, w3);
  }

  /**
   * From 4 or 16 bytes in network order.
   *
   * @throws RangeError when there are neither 4 nor 16 bytes
   */
  static fromBytes(bytes: Uint8Array): IpAddress {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length === 4) return new IpAddress(0, 0, MAPPED_WORD, view.getInt32(0));
    if (bytes.length === 16) {
      return new IpAddress(view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12));
    }
    throw new RangeError(`Cannot make an address of ${bytes.length} bytes: need 4 or 16`);
  }

  /** 4 bytes of an IPv4 address, 16 of an IPv6 one, in network order. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.family === 4 ? 4 : 16);
    const view = new DataView(bytes.buffer);
    if (this.family === 4) {
      view.setInt32(0, this.words[3]!);
    } else {
      for (let i = 0; i < 4; i++) view.setInt32(4 * i, this.words[i]!);
    }
    return bytes;
  }

  /** Dotted decimal, or the canonical text of RFC 5952. */
  toString(): string {
    if (this.family === 4) {
      const word = this.words[3]!;
      return `${word >>> 24}.${word >>> 16 & 0xff}.${word >>> 8 & 0xff}.${word & 0xff}`;
    }
    return new ipaddr.IPv6(Array.from(this.toBytes())).toRFC5952String();
  }

  /** So that JSON holds the text. */
  toJSON(): string {
    return this.toString();
  }

  equals(other: IpAddress): boolean {
    const a = this.words, b = other.words;
    return a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];
  }

  /** Order of the numbers that the addresses are: negative, zero, positive. Every IPv4 address sorts before `2000::`. */
  compare(other: IpAddress): number {
    for (let i = 0; i < 4; i++) {
      const difference = (this.words[i]! >>> 0) - (other.words[i]! >>> 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

const DOT = 0x2e;
const ZERO = 0x30;

/**
 * The word that four decimal numbers are, or null: none has leading zeros, which some would read as octal. Done here,
 * character by character, because an instruction has four of them: the library takes several microseconds for each, a
 * regular expression one.
 */
function parseDotted(text: string, end = text.length): number | null {
  let word = 0;
  let number = -1;
  let dots = 0;
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (number < 0 || ++dots > 3) return null;
      word = word << 8 | number;
      number = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || number === 0) return null;
    number = number < 0 ? digit : 10 * number + digit;
    if (number > 255) return null;
  }
  return dots < 3 || number < 0 ? null : word << 8 | number;
}

/** The port that decimal numbers from there on are, or -1. */
function parsePort(text: string, start: number): number {
  const digits = text.length - start;
  if (digits < 1 || digits > 5) return -1;
  let port = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    port = 10 * port + digit;
  }
  return port;
}

/**
 * `::ffff:1.2.3.4` as `::ffff:102:304`; empty when the dotted part is not four decimal numbers. Done here because the
 * library takes octal numbers in it, and takes `::1.2.3.4` for `::ffff:1.2.3.4`.
 */
function withoutDots(text: string): string {
  const dotted = text.slice(text.lastIndexOf(":") + 1);
  if (!dotted.includes(".")) return text;
  const word = parseDotted(dotted);
  if (word === null) return "";
  const groups = `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  return text.slice(0, -dotted.length) + groups;
}

/** A family as a key: `ipv4`, `ipv6`. */
export type FamilyName = "ipv4" | "ipv6";

export function familyName({ family }: IpAddress): FamilyName {
  return family === 4 ? "ipv4" : "ipv6";
}

/** Where one end of a session is. The port is in host order, 0-65535. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/**
 * Reads `10.0.0.1:80` or `[2001:db8::1]:80`.
 *
 * @throws SyntaxError when the text is not an address with a port from 0 to 65535
 */
export function parseEndpoint(text: string): Endpoint {
  const colon = text.indexOf(":");
  const word = colon < 0 ? null : parseDotted(text, colon);
  const decimal = word === null ? -1 : parsePort(text, colon + 1);
  if (word !== null && decimal >= 0 && decimal <= 0xffff) {
    return { address: IpAddress.fromWords(0, 0, MAPPED_WORD, word), port: decimal };
  }
  const match = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = match ? Number(match[3]) : -1;
  if (!match || port > 0xffff) {
    throw new SyntaxError(
      `Cannot read "${text}" as an endpoint: need ADDRESS:PORT or [IPv6 ADDRESS]:PORT, port up to 65535`,
    );
  }
  return { address: IpAddress.parse(match[1] ?? match[2]!), port };
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const { address, port } = endpoint;
  return address.family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
}

/** Whether two endpoints are the same address and port. */
export function equalEndpoints(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address.equals(b.address);
}
