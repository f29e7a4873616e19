/**
 * The TCP header (RFC 9293 section 3.1) for code away from the packet path.
 *
 * ```
 *   0                   1                   2                   3
 *  |          source port          |       destination port        |
 *  |                        sequence number                        |
 *  |                    acknowledgement number                     |
 *  | offset|0 0 0|A|     flags     |            window             |
 *  |           checksum            |        urgent pointer         |
 * ```
 *
 * @module
 */

import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { BAD_TCP, PARSED } from "./reason.ts";

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const ACKNOWLEDGEMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT_POINTER = 18;

export const TCP_HEADER_BYTES = 20;

/** The fields of a segment in place. Getters and setters are safe after `check` returned `PARSED`. */
export class TcpView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  check(): number {
    if (this.bytes.length < TCP_HEADER_BYTES) return BAD_TCP;
    const fits = this.headerBytes >= TCP_HEADER_BYTES && this.headerBytes <= this.bytes.length;
    return fits ? PARSED : BAD_TCP;
  }

  get sourcePort(): number {
    return this.#view.getUint16(SOURCE_PORT);
  }
  get destinationPort(): number {
    return this.#view.getUint16(DESTINATION_PORT);
  }
  get sequence(): number {
    return this.#view.getUint32(SEQUENCE);
  }
  get acknowledgement(): number {
    return this.#view.getUint32(ACKNOWLEDGEMENT);
  }
  get headerBytes(): number {
    return (this.bytes[DATA_OFFSET]! >>> 4) * 4;
  }
  /** The eight bits of `tcp_flags.ts`. */
  get flags(): number {
    return this.bytes[FLAGS]!;
  }
  get window(): number {
    return this.#view.getUint16(WINDOW);
  }

  get checksum(): number {
    return this.#view.getUint16(CHECKSUM);
  }
  set checksum(checksum: number) {
    this.#view.setUint16(CHECKSUM, checksum);
  }

  get urgentPointer(): number {
    return this.#view.getUint16(URGENT_POINTER);
  }
  get options(): Uint8Array {
    return this.bytes.subarray(TCP_HEADER_BYTES, this.headerBytes);
  }
  get payload(): Uint8Array {
    return this.bytes.subarray(this.headerBytes);
  }
}

export interface TcpHeader {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Unsigned. */
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly window: number;
  readonly urgentPointer: number;
  /** Up to 40 bytes, a multiple of 4. */
  readonly options: Uint8Array;
}

/** Reads the header of a segment; the checksum is not looked at. */
export function parseTcpHeader(bytes: Uint8Array): Parsed<TcpHeader> | Malformed {
  const view = new TcpView(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  return parsed({
    sourcePort: view.sourcePort,
    destinationPort: view.destinationPort,
    sequence: view.sequence,
    acknowledgement: view.acknowledgement,
    flags: view.flags,
    window: view.window,
    urgentPointer: view.urgentPointer,
    options: view.options.slice(),
  }, view.payload);
}

/** Writes the header with a checksum of 0 to the start of `bytes`; `l4_checksum.ts` fills it in. Returns its length. */
export function emitTcpHeader(header: TcpHeader, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  const headerBytes = TCP_HEADER_BYTES + header.options.length;
  view.setUint16(SOURCE_PORT, header.sourcePort);
  view.setUint16(DESTINATION_PORT, header.destinationPort);
  view.setUint32(SEQUENCE, header.sequence);
  view.setUint32(ACKNOWLEDGEMENT, header.acknowledgement);
  bytes[DATA_OFFSET] = (headerBytes / 4) << 4;
  bytes[FLAGS] = header.flags;
  view.setUint16(WINDOW, header.window);
  view.setUint16(CHECKSUM, 0);
  view.setUint16(URGENT_POINTER, header.urgentPointer);
  bytes.set(header.options, TCP_HEADER_BYTES);
  return headerBytes;
}
