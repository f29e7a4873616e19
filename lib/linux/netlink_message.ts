/**
 * The framing that all netlink families share: messages one after another, each a header, a struct
 * of the family, and attributes. Pure: bytes to values and back (netlink(7), host byte order).
 */
import {
  NLA_TYPE_MASK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
} from "./constants.ts";
import { NLMSGHDR, RTATTR } from "./structs.ts";

/** A message without its header: the family's struct and attributes. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** A copy, so that the receive buffer may be used again. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** One attribute; `value` is without its header and padding. */
export interface NetlinkAttribute {
  readonly type: number;
  readonly value: Uint8Array<ArrayBuffer>;
}

/** The attributes of a message by type; of two with the same type the last one counts. */
export type NetlinkAttributes = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

/** A request without what the socket adds. */
export interface NetlinkQuestion {
  readonly type: number;
  /** NLM_F_*; NLM_F_REQUEST is added, and NLM_F_ACK where it is not a dump. */
  readonly flags?: number;
  /** The family's struct. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly attributes?: readonly NetlinkAttribute[];
}

/** What is encoded as one message. */
export interface NetlinkRequest extends NetlinkQuestion {
  readonly flags: number;
  /** Answers carry the same number. */
  readonly sequence: number;
}

/** How an exchange ended. */
export interface NetlinkResult {
  /** 0 for success, else an errno, positive. */
  readonly errno: number;
  /** What the kernel says about it (extended acknowledgement), or "". */
  readonly text: string;
}

/** Writes one message with its header. */
export function encodeRequest(request: NetlinkRequest): Uint8Array<ArrayBuffer> {
  const { type, flags, sequence, body, attributes = [] } = request;
  const tail = encodeAttributes(attributes);
  const bodyBytes = align(body.length);
  const bytes = new Uint8Array(NLMSGHDR.size + bodyBytes + tail.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(NLMSGHDR.offsets.nlmsg_len, bytes.length, true);
  view.setUint16(NLMSGHDR.offsets.nlmsg_type, type, true);
  view.setUint16(NLMSGHDR.offsets.nlmsg_flags, flags, true);
  view.setUint32(NLMSGHDR.offsets.nlmsg_seq, sequence, true);
  bytes.set(body, NLMSGHDR.size);
  bytes.set(tail, NLMSGHDR.size + bodyBytes);
  return bytes;
}

/** Writes attributes one after another, each padded; also the value of a nested one. */
export function encodeAttributes(
  attributes: readonly NetlinkAttribute[],
): Uint8Array<ArrayBuffer> {
  const lengths = attributes.map(({ value }) => align(RTATTR.size + value.length));
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  attributes.forEach(({ type, value }, i) => {
    view.setUint16(at + RTATTR.offsets.rta_len, RTATTR.size + value.length, true);
    view.setUint16(at + RTATTR.offsets.rta_type, type, true);
    bytes.set(value, at + RTATTR.size);
    at += lengths[i]!;
  });
  return bytes;
}

/** Reads all messages of one datagram. What a wrong length leaves over is ignored. */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + NLMSGHDR.size <= bytes.length;) {
    const length = view.getUint32(at + NLMSGHDR.offsets.nlmsg_len, true);
    if (length < NLMSGHDR.size || at + length > bytes.length) break;
    messages.push({
      type: view.getUint16(at + NLMSGHDR.offsets.nlmsg_type, true),
      flags: view.getUint16(at + NLMSGHDR.offsets.nlmsg_flags, true),
      sequence: view.getUint32(at + NLMSGHDR.offsets.nlmsg_seq, true),
      payload: new Uint8Array(bytes.subarray(at + NLMSGHDR.size, at + length)),
    });
    at += align(length);
  }
  return messages;
}

/** Reads the attributes from `offset` on. What a wrong length leaves over is ignored. */
export function decodeAttributes(bytes: Uint8Array<ArrayBuffer>, offset = 0): NetlinkAttributes {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attributes = new Map<number, Uint8Array<ArrayBuffer>>();
  // An offset that was read from a message may be any 32-bit number, more than `align` takes.
  if (offset > bytes.length) return attributes;
  for (let at = align(offset); at + RTATTR.size <= bytes.length;) {
    const length = view.getUint16(at + RTATTR.offsets.rta_len, true);
    if (length < RTATTR.size || at + length > bytes.length) break;
    const type = view.getUint16(at + RTATTR.offsets.rta_type, true) & NLA_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + RTATTR.size, at + length));
    at += align(length);
  }
  return attributes;
}

/**
 * Reads NLMSG_ERROR (an acknowledgement, or why there is none) or NLMSG_DONE (the end of a dump);
 * null for every other message.
 *
 * NLMSG_ERROR: i32 -errno, the request's header (and, unless NLM_F_CAPPED, the rest of it), then
 * attributes if NLM_F_ACK_TLVS. NLMSG_DONE: i32 -errno, then attributes likewise.
 */
export function decodeResult(message: NetlinkMessage): NetlinkResult | null {
  const { type, flags, payload } = message;
  if (type !== NLMSG_ERROR && type !== NLMSG_DONE) return null;
  if (payload.length < 4) return { errno: 0, text: "" };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = Math.abs(view.getInt32(0, true));
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: "" };
  const attributes = decodeAttributes(payload, 4 + echoedBytes(message, view));
  const text = attributes.get(NLMSGERR_ATTR_MSG);
  return { errno, text: text === undefined ? "" : decodeText(text) };
}

function echoedBytes({ type, flags }: NetlinkMessage, view: DataView): number {
  if (type === NLMSG_DONE) return 0;
  if ((flags & NLM_F_CAPPED) !== 0 || view.byteLength < 8) return NLMSGHDR.size;
  return view.getUint32(4 + NLMSGHDR.offsets.nlmsg_len, true);
}

/** A 32-bit value of an attribute. */
export function encodeU32(value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** Reads a 32-bit value; 0 when the attribute is missing or short. */
export function decodeU32(value: Uint8Array<ArrayBuffer> | undefined): number {
  if (value === undefined || value.length < 4) return 0;
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}

/** A string value of an attribute, with its terminating zero. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Reads a string value up to its terminating zero. */
export function decodeText(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

/** Everything starts at a multiple of 4. */
function align(length: number): number {
  return (length + 3) & ~3;
}
