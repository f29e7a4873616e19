/**
 * The IPv6 header (RFC 8200 section 3) for code away from the packet path; the layout is drawn in `_parse_ipv6.ts`.
 *
 * @module
 */

import { IpAddress } from "./address.ts";
import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { BAD_VERSION, PARSED, TOO_SHORT, TRUNCATED } from "./reason.ts";

const VERSION_CLASS_LABEL = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SOURCE = 8;
const DESTINATION = 24;

export const IPV6_HEADER_BYTES = 40;
/** Every IPv6 link carries packets of this size (RFC 8200 section 5). */
export const IPV6_SMALLEST_MTU = 1280;

/** The fields of a packet in place. Getters are safe after `check` returned `PARSED`. */
export class Ipv6View {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  check(): number {
    if (this.bytes.length < IPV6_HEADER_BYTES) return TOO_SHORT;
    if (this.bytes[VERSION_CLASS_LABEL]! >>> 4 !== 6) return BAD_VERSION;
    return IPV6_HEADER_BYTES + this.payloadBytes > this.bytes.length ? TRUNCATED : PARSED;
  }

  get trafficClass(): number {
    return (this.#view.getUint32(VERSION_CLASS_LABEL) >>> 20) & 0xff;
  }
  get flowLabel(): number {
    return this.#view.getUint32(VERSION_CLASS_LABEL) & 0xfffff;
  }
  get payloadBytes(): number {
    return this.#view.getUint16(PAYLOAD_LENGTH);
  }
  /** The protocol above IP, or the first extension header. */
  get nextHeader(): number {
    return this.bytes[NEXT_HEADER]!;
  }
  get hopLimit(): number {
    return this.bytes[HOP_LIMIT]!;
  }
  get source(): IpAddress {
    return IpAddress.fromBytes(this.bytes.subarray(SOURCE, SOURCE + 16));
  }
  get destination(): IpAddress {
    return IpAddress.fromBytes(this.bytes.subarray(DESTINATION, DESTINATION + 16));
  }
  /** Everything after the fixed header, extension headers included. */
  get payload(): Uint8Array {
    return this.bytes.subarray(IPV6_HEADER_BYTES, IPV6_HEADER_BYTES + this.payloadBytes);
  }
}

export interface Ipv6Header {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly nextHeader: number;
  /** Extension headers included. */
  readonly payloadBytes: number;
  readonly hopLimit: number;
  /** DSCP and ECN. */
  readonly trafficClass: number;
  readonly flowLabel: number;
}

export function parseIpv6Header(bytes: Uint8Array): Parsed<Ipv6Header> | Malformed {
  const view = new Ipv6View(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  return parsed({
    source: view.source,
    destination: view.destination,
    nextHeader: view.nextHeader,
    payloadBytes: view.payloadBytes,
    hopLimit: view.hopLimit,
    trafficClass: view.trafficClass,
    flowLabel: view.flowLabel,
  }, view.payload);
}

/** Writes the header to the start of `bytes`. Returns its length. */
export function emitIpv6Header(header: Ipv6Header, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  view.setUint32(VERSION_CLASS_LABEL, 0x60000000 | (header.trafficClass << 20) | header.flowLabel);
  view.setUint16(PAYLOAD_LENGTH, header.payloadBytes);
  bytes[NEXT_HEADER] = header.nextHeader;
  bytes[HOP_LIMIT] = header.hopLimit;
  bytes.set(header.source.toBytes(), SOURCE);
  bytes.set(header.destination.toBytes(), DESTINATION);
  return IPV6_HEADER_BYTES;
}
