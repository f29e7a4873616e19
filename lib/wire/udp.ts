/**
 * The UDP header (RFC 768) for code away from the packet path.
 *
 * ```
 *  0             2                  4        6          8
 *  | source port | destination port | length | checksum | payload
 * ```
 *
 * @module
 */

import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { BAD_UDP, PARSED } from "./reason.ts";

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;

export const UDP_HEADER_BYTES = 8;

/** The fields of a datagram in place. Getters and setters are safe after `check` returned `PARSED`. */
export class UdpView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  check(): number {
    if (this.bytes.length < UDP_HEADER_BYTES) return BAD_UDP;
    const fits = this.lengthBytes >= UDP_HEADER_BYTES && this.lengthBytes <= this.bytes.length;
    return fits ? PARSED : BAD_UDP;
  }

  get sourcePort(): number {
    return this.#view.getUint16(SOURCE_PORT);
  }
  get destinationPort(): number {
    return this.#view.getUint16(DESTINATION_PORT);
  }
  /** Header and payload. */
  get lengthBytes(): number {
    return this.#view.getUint16(LENGTH);
  }

  get checksum(): number {
    return this.#view.getUint16(CHECKSUM);
  }
  set checksum(checksum: number) {
    this.#view.setUint16(CHECKSUM, checksum);
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(UDP_HEADER_BYTES, this.lengthBytes);
  }
}

export interface UdpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payloadBytes: number;
}

/** Reads the header of a datagram; the checksum is not looked at. */
export function parseUdpHeader(bytes: Uint8Array): Parsed<UdpHeader> | Malformed {
  const view = new UdpView(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  return parsed({
    sourcePort: view.sourcePort,
    destinationPort: view.destinationPort,
    payloadBytes: view.lengthBytes - UDP_HEADER_BYTES,
  }, view.payload);
}

/** Writes the header with a checksum of 0 to the start of `bytes`; `l4_checksum.ts` fills it in. Returns its length. */
export function emitUdpHeader(header: UdpHeader, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  view.setUint16(SOURCE_PORT, header.sourcePort);
  view.setUint16(DESTINATION_PORT, header.destinationPort);
  view.setUint16(LENGTH, UDP_HEADER_BYTES + header.payloadBytes);
  view.setUint16(CHECKSUM, 0);
  return UDP_HEADER_BYTES;
}
