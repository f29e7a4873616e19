/**
 * ICMP (RFC 792) and ICMPv6 (RFC 4443) for code away from the packet path: the header that both share.
 *
 * ```
 *  0      1      2          4                8
 *  | type | code | checksum | depends        | payload: echo data, or the packet an error is about
 *                           | id   | sequence|  echo
 *                           | 0    | MTU     |  IPv4 fragmentation needed (RFC 1191)
 *                           | MTU            |  IPv6 packet too big
 * ```
 *
 * @module
 */

import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { BAD_ICMP, PARSED } from "./reason.ts";

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;

export const ICMP_HEADER_BYTES = 8;

/** The fields of a message in place. Getters and setters are safe after `check` returned `PARSED`. */
export class IcmpView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  check(): number {
    return this.bytes.length < ICMP_HEADER_BYTES ? BAD_ICMP : PARSED;
  }

  get type(): number {
    return this.bytes[TYPE]!;
  }
  get code(): number {
    return this.bytes[CODE]!;
  }

  get checksum(): number {
    return this.#view.getUint16(CHECKSUM);
  }
  set checksum(checksum: number) {
    this.#view.setUint16(CHECKSUM, checksum);
  }

  /** Bytes 4-7 as one unsigned number. */
  get rest(): number {
    return this.#view.getUint32(REST);
  }
  /** Of an echo message. */
  get identifier(): number {
    return this.#view.getUint16(REST);
  }
  /** Of an echo message. */
  get sequence(): number {
    return this.#view.getUint16(REST + 2);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(ICMP_HEADER_BYTES);
  }
}

export interface IcmpHeader {
  readonly type: number;
  readonly code: number;
  /** Bytes 4-7 as one unsigned number: `echoRest()`, or an MTU. */
  readonly rest: number;
}

/** Reads the header of a message; the checksum is not looked at. */
export function parseIcmpHeader(bytes: Uint8Array): Parsed<IcmpHeader> | Malformed {
  const view = new IcmpView(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  return parsed({ type: view.type, code: view.code, rest: view.rest }, view.payload);
}

/** Writes the header with a checksum of 0 to the start of `bytes`; `l4_checksum.ts` fills it in. Returns its length. */
export function emitIcmpHeader(header: IcmpHeader, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  bytes[TYPE] = header.type;
  bytes[CODE] = header.code;
  view.setUint16(CHECKSUM, 0);
  view.setUint32(REST, header.rest);
  return ICMP_HEADER_BYTES;
}

/** Bytes 4-7 of an echo message. */
export function echoRest(identifier: number, sequence: number): number {
  return ((identifier << 16) | sequence) >>> 0;
}
