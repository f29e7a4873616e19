/**
 * What the readers of headers away from the packet path return: a header, or why there is none.
 *
 * @module
 */

/** The bytes are not what they should be. `why` is a number of `reason.ts`. */
export interface Malformed {
  readonly kind: "malformed";
  readonly why: number;
}

/** A header and what follows it, as a view of the same memory. */
export interface Parsed<Header> {
  readonly kind: "parsed";
  readonly header: Header;
  readonly payload: Uint8Array;
}

export function malformed(why: number): Malformed {
  return { kind: "malformed", why };
}

export function parsed<Header>(header: Header, payload: Uint8Array): Parsed<Header> {
  return { kind: "parsed", header, payload };
}

/** A DataView of exactly these bytes, wherever in their buffer they are. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
