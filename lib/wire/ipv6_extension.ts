/**
 * IPv6 extension headers (RFC 8200 section 4): which there are, and how a chain of them is written. `_parse_ipv6.ts` reads
 * them.
 *
 * @module
 */

import { viewOf } from "./malformed.ts";

export const HEADER_HOP_BY_HOP = 0;
export const HEADER_ROUTING = 43;
export const HEADER_FRAGMENT = 44;
export const HEADER_DESTINATION = 60;

export const FRAGMENT_HEADER_BYTES = 8;

/** One extension header: what follows its next-header byte. The length byte, where there is one, is part of `body`. */
export interface ExtensionHeader {
  readonly type: number;
  /** 7 bytes, or 7 plus a multiple of 8. */
  readonly body: Uint8Array;
}

/** Whether it is an extension header that is stepped over. AH and ESP are not: what they protect cannot be translated. */
export function isExtensionHeader(nextHeader: number): boolean {
  return nextHeader === HEADER_HOP_BY_HOP || nextHeader === HEADER_DESTINATION ||
    nextHeader === HEADER_ROUTING || nextHeader === HEADER_FRAGMENT;
}

/** A hop-by-hop or destination options header of `lengthBytes` (a multiple of 8) with nothing but padding in it. */
export function paddingHeader(type: number, lengthBytes = 8): ExtensionHeader {
  const body = new Uint8Array(lengthBytes - 1);
  body[0] = lengthBytes / 8 - 1;
  for (let at = 1; at < body.length;) {
    // PadN: type 1, length of the data; Pad1 is a single 0.
    const dataBytes = Math.min(255, body.length - at - 2);
    if (dataBytes < 0) break;
    body[at] = 1;
    body[at + 1] = dataBytes;
    at += 2 + dataBytes;
  }
  return { type, body };
}

/** A fragment header (RFC 8200 section 4.5). */
export function fragmentHeader(
  identification: number,
  offsetBytes: number,
  moreFragments: boolean,
): ExtensionHeader {
  const body = new Uint8Array(FRAGMENT_HEADER_BYTES - 1);
  const view = viewOf(body);
  view.setUint16(1, offsetBytes | (moreFragments ? 1 : 0));
  view.setUint32(3, identification);
  return { type: HEADER_FRAGMENT, body };
}

/** A routing header without addresses in it. */
export function routingHeader(routingType: number, segmentsLeft: number): ExtensionHeader {
  return {
    type: HEADER_ROUTING,
    body: Uint8Array.of(0, routingType, segmentsLeft, 0, 0, 0, 0),
  };
}

/** The bytes of a chain that ends in `protocol`, and the next header that leads into it. */
export function emitExtensionHeaders(
  headers: readonly ExtensionHeader[],
  protocol: number,
): { readonly first: number; readonly bytes: Uint8Array } {
  const bytes: number[] = [];
  headers.forEach((header, index) => {
    bytes.push(headers[index + 1]?.type ?? protocol, ...header.body);
  });
  return { first: headers[0]?.type ?? protocol, bytes: Uint8Array.from(bytes) };
}
