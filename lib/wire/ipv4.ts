/**
 * The IPv4 header (RFC 791) for code away from the packet path; the layout is drawn in `_parse_ipv4.ts`.
 *
 * @module
 */

import { IpAddress } from "./address.ts";
import { finish, sum16 } from "./checksum.ts";
import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import {
  BAD_CHECKSUM,
  BAD_HEADER_LENGTH,
  BAD_TOTAL_LENGTH,
  BAD_VERSION,
  PARSED,
  TOO_SHORT,
  TRUNCATED,
} from "./reason.ts";

const VERSION_IHL = 0;
const TRAFFIC_CLASS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

export const IPV4_HEADER_BYTES = 20;

const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;

/** The fields of a packet in place. Getters and setters are safe after `check` returned `PARSED`. */
export class Ipv4View {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Version and lengths; the checksum has a check of its own. */
  check(): number {
    if (this.bytes.length < IPV4_HEADER_BYTES) return TOO_SHORT;
    if (this.bytes[VERSION_IHL]! >>> 4 !== 4) return BAD_VERSION;
    if (this.headerBytes < IPV4_HEADER_BYTES) return BAD_HEADER_LENGTH;
    if (this.totalBytes < this.headerBytes) return BAD_TOTAL_LENGTH;
    return this.totalBytes > this.bytes.length ? TRUNCATED : PARSED;
  }

  get headerBytes(): number {
    return (this.bytes[VERSION_IHL]! & 0x0f) * 4;
  }
  get trafficClass(): number {
    return this.bytes[TRAFFIC_CLASS]!;
  }
  get totalBytes(): number {
    return this.#view.getUint16(TOTAL_LENGTH);
  }
  get identification(): number {
    return this.#view.getUint16(IDENTIFICATION);
  }
  get dontFragment(): boolean {
    return (this.#view.getUint16(FRAGMENT) & DONT_FRAGMENT) !== 0;
  }
  get moreFragments(): boolean {
    return (this.#view.getUint16(FRAGMENT) & MORE_FRAGMENTS) !== 0;
  }
  get fragmentOffsetBytes(): number {
    return (this.#view.getUint16(FRAGMENT) & 0x1fff) * 8;
  }
  get hopLimit(): number {
    return this.bytes[TTL]!;
  }
  get protocol(): number {
    return this.bytes[PROTOCOL]!;
  }

  get checksum(): number {
    return this.#view.getUint16(CHECKSUM);
  }
  set checksum(checksum: number) {
    this.#view.setUint16(CHECKSUM, checksum);
  }

  get source(): IpAddress {
    return IpAddress.fromBytes(this.bytes.subarray(SOURCE, SOURCE + 4));
  }
  get destination(): IpAddress {
    return IpAddress.fromBytes(this.bytes.subarray(DESTINATION, DESTINATION + 4));
  }
  get options(): Uint8Array {
    return this.bytes.subarray(IPV4_HEADER_BYTES, this.headerBytes);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes, this.totalBytes);
  }

  isChecksumValid(): boolean {
    return sum16(this.#view, 0, this.headerBytes) === 0xffff;
  }

  /** Computes the checksum anew. */
  fillChecksum(): void {
    this.checksum = 0;
    this.checksum = finish(sum16(this.#view, 0, this.headerBytes));
  }
}

export interface Ipv4Header {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  readonly payloadBytes: number;
  readonly hopLimit: number;
  /** DSCP and ECN. */
  readonly trafficClass: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  readonly fragmentOffsetBytes: number;
  /** Up to 40 bytes, a multiple of 4. */
  readonly options: Uint8Array;
}

/** Reads a header with a right checksum. */
export function parseIpv4Header(bytes: Uint8Array): Parsed<Ipv4Header> | Malformed {
  const view = new Ipv4View(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  if (!view.isChecksumValid()) return malformed(BAD_CHECKSUM);
  return parsed({
    source: view.source,
    destination: view.destination,
    protocol: view.protocol,
    payloadBytes: view.totalBytes - view.headerBytes,
    hopLimit: view.hopLimit,
    trafficClass: view.trafficClass,
    identification: view.identification,
    dontFragment: view.dontFragment,
    moreFragments: view.moreFragments,
    fragmentOffsetBytes: view.fragmentOffsetBytes,
    options: view.options.slice(),
  }, view.payload);
}

/** Writes the header, checksum included, to the start of `bytes`. Returns its length. */
export function emitIpv4Header(header: Ipv4Header, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  const headerBytes = IPV4_HEADER_BYTES + header.options.length;
  bytes[VERSION_IHL] = 0x40 | (headerBytes / 4);
  bytes[TRAFFIC_CLASS] = header.trafficClass;
  view.setUint16(TOTAL_LENGTH, headerBytes + header.payloadBytes);
  view.setUint16(IDENTIFICATION, header.identification);
  view.setUint16(
    FRAGMENT,
    (header.dontFragment ? DONT_FRAGMENT : 0) | (header.moreFragments ? MORE_FRAGMENTS : 0) |
      (header.fragmentOffsetBytes / 8),
  );
  bytes[TTL] = header.hopLimit;
  bytes[PROTOCOL] = header.protocol;
  bytes.set(header.source.toBytes(), SOURCE);
  bytes.set(header.destination.toBytes(), DESTINATION);
  bytes.set(header.options, IPV4_HEADER_BYTES);
  new Ipv4View(bytes).fillChecksum();
  return headerBytes;
}
