import { createHash } from "node:crypto";
import { fillRandomly } from "./content.ts";

/**
 * Datagrams of a numbered stream. Each carries a hash of itself, so that one that is cut, changed or
 * mixed up with another stream's is seen.
 *
 * ```text
 *   0  "bypU"
 *   4  stream       u32, network order
 *   8  number       u32, from 0
 *  12  count        u32: how many there are in all
 *  16  hash         16 bytes: the first half of SHA-256 over bytes 4-15 and the payload
 *  32  payload
 * ```
 */
const MAGIC = 0x62797055;
const HEADER_BYTES = 32;
const HASH_OFFSET = 16;

export const MIN_DATAGRAM_BYTES = HEADER_BYTES;
/** What the receiver's slots hold. */
export const MAX_DATAGRAM_BYTES = 2048;

/** Writes the datagrams of one stream into one buffer, which the next call overwrites. */
export class StreamWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(options: { stream: number; count: number; sizeBytes: number }) {
    this.#bytes = new Uint8Array(options.sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
    fillRandomly(this.#view, options.stream);
    this.#view.setUint32(0, MAGIC);
    this.#view.setUint32(4, options.stream);
    this.#view.setUint32(12, options.count);
  }

  datagram(number: number): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(8, number);
    this.#bytes.set(hashOf(this.#bytes), HASH_OFFSET);
    return this.#bytes;
  }
}

/** The number of a datagram of that stream, or null when it is none or its hash is wrong. */
export function readStreamDatagram(bytes: Uint8Array<ArrayBuffer>, stream: number): number | null {
  if (bytes.length < HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC || view.getUint32(4) !== stream) return null;
  const hash = hashOf(bytes);
  for (let i = 0; i < hash.length; i++) {
    if (bytes[HASH_OFFSET + i] !== hash[i]) return null;
  }
  return view.getUint32(8);
}

function hashOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256")
    .update(bytes.subarray(4, HASH_OFFSET))
    .update(bytes.subarray(HEADER_BYTES))
    .digest().subarray(0, HEADER_BYTES - HASH_OFFSET);
}

/** What a client asks a stream server for; sent as JSON text in one datagram, again and again. */
export interface StreamRequest {
  readonly stream: number;
  readonly count: number;
  readonly sizeBytes: number;
  /** Datagrams a second. */
  readonly rate: number;
  /** Ends the stream early; the server answers with how many it sent. */
  readonly end?: boolean;
}

export function readStreamRequest(bytes: Uint8Array): StreamRequest | null {
  try {
    const request = JSON.parse(new TextDecoder().decode(bytes)) as StreamRequest;
    const sane = Number.isInteger(request.stream) && request.count > 0 && request.rate > 0 &&
      request.sizeBytes >= MIN_DATAGRAM_BYTES && request.sizeBytes <= MAX_DATAGRAM_BYTES;
    return sane ? request : null;
  } catch {
    return null;
  }
}

/** How many datagrams a stream had that was ended early; as JSON text in one datagram. */
interface StreamEnd {
  readonly endOf: number;
  readonly sent: number;
}

export function writeStreamEnd(stream: number, sent: number): Uint8Array<ArrayBuffer> {
  const end: StreamEnd = { endOf: stream, sent };
  return new TextEncoder().encode(JSON.stringify(end));
}

/** How many there were, or null when the datagram tells nothing of that stream's end. */
export function readStreamEnd(bytes: Uint8Array, stream: number): number | null {
  if (bytes[0] !== 0x7b) return null;
  try {
    const end = JSON.parse(new TextDecoder().decode(bytes)) as StreamEnd;
    return end.endOf === stream && Number.isInteger(end.sent) ? end.sent : null;
  } catch {
    return null;
  }
}
