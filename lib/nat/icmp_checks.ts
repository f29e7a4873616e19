import { DIRECT, I32, INSTRUCTION, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { STATE } from "../session/tcp_state.ts";
import type { Quote } from "../wire/icmp_quote.ts";
import {
  ICMPV4_TIME_EXCEEDED,
  ICMPV4_UNREACHABLE,
  TIME_EXCEEDED_TRANSIT,
  UNREACHABLE_FRAGMENTATION_NEEDED,
} from "../wire/icmpv4.ts";
import { ICMPV6_TIME_EXCEEDED, ICMPV6_TOO_BIG, ICMPV6_UNREACHABLE } from "../wire/icmpv6.ts";
import { IPV6_SMALLEST_MTU } from "../wire/ipv6.ts";
import type { Packet } from "../wire/packet.ts";

/** The largest TCP window (RFC 7323, 2.3): what can be under way, in bytes. */
const WINDOW = 2 ** 30;

/** RFC 791: every link carries packets of this size. */
const IPV4_SMALLEST_MTU = 68;
/** No link in use carries less, and headers have to leave room for data: segments get no smaller than this. */
const SMALLEST_TCP_MTU = 256;
/** RFC 1191, 7.1: MTUs in use, for routers that do not state theirs. */
const PLATEAUS = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

/** What {@linkcode statedMtu} returns of a router that states none (RFC 1191, 5). */
export const NO_MTU_STATED = 0;
export const NO_MTU = Infinity;

/** Whether an ICMP error says that a packet was too big for a link. */
export function isTooBig(packet: Packet): boolean {
  return packet.family === 4
    ? packet.icmpType === ICMPV4_UNREACHABLE &&
      packet.icmpCode === UNREACHABLE_FRAGMENTATION_NEEDED
    : packet.icmpType === ICMPV6_TOO_BIG;
}

/** Whether it says that a packet came to its end on the way: unreachable, prohibited, too many hops. */
export function isUndelivered(packet: Packet): boolean {
  const { icmpType, icmpCode } = packet;
  const isV4 = packet.family === 4;
  if (icmpType === (isV4 ? ICMPV4_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED)) {
    return icmpCode === TIME_EXCEEDED_TRANSIT;
  }
  return isV4
    ? icmpType === ICMPV4_UNREACHABLE && icmpCode !== UNREACHABLE_FRAGMENTATION_NEEDED
    : icmpType === ICMPV6_UNREACHABLE;
}

/**
 * The MTU in such an error, in bytes; `NO_MTU_STATED`, or -1 when it cannot be true: below what every link
 * carries (RFC 1191, 3; RFC 8201, 4), or not below the size of the packet that was too big (RFC 5927, 7.2).
 */
export function statedMtu(packet: Packet, quote: Quote): number {
  const at = packet.l4Offset + 4;
  const isV4 = packet.family === 4;
  const mtu = isV4 ? packet.view.getUint16(at + 2) : packet.view.getUint32(at);
  if (isV4 && mtu === 0) return NO_MTU_STATED;
  const smallest = isV4 ? IPV4_SMALLEST_MTU : IPV6_SMALLEST_MTU;
  return mtu < smallest || mtu >= quote.totalBytes ? -1 : mtu;
}

/** The path MTU that follows for a TCP session, which so far was `known` (0: not known). */
export function tcpPathMtu(mtuBytes: number, quote: Quote, known: number): number {
  if (mtuBytes !== NO_MTU_STATED) return Math.max(SMALLEST_TCP_MTU, mtuBytes);
  const failed = known === 0 ? quote.totalBytes : Math.min(known, quote.totalBytes);
  const plateau = PLATEAUS.find((bytes) => bytes < failed) ?? IPV4_SMALLEST_MTU;
  return Math.max(SMALLEST_TCP_MTU, plateau);
}

/**
 * Whether the server of a TCP session can have sent the quoted segment (RFC 5927, 4.1): not acknowledged
 * yet, and not past what was sent. The latter is known to the byte only as long as every segment came
 * this way.
 */
export function isPlausibleFromServer(
  records: SessionRecords,
  slot: number,
  { tcpSequence }: Quote,
): boolean {
  const unsent = records.getI32(slot, I32.natSequence) - tcpSequence;
  const bypassed = records.getU8(slot, U8.instruction) !== INSTRUCTION.none ||
    records.getDirect(slot, DIRECT.packets) > 0;
  if (!bypassed && !isWithinWindow(unsent)) return false;
  const state = records.getU8(slot, U8.state);
  // Before the client has acknowledged anything there is nothing to compare with.
  if (state === STATE.opening || state === STATE.answered) return true;
  return isWithinWindow(tcpSequence - records.getI32(slot, I32.clientAcknowledgement));
}

/** The same of the client. Its newest segment may be one that it sent again. */
export function isPlausibleFromClient(
  records: SessionRecords,
  slot: number,
  { tcpSequence }: Quote,
): boolean {
  const behind = (records.getI32(slot, I32.clientSequence) - tcpSequence) | 0;
  return behind > -WINDOW && behind < WINDOW;
}

function isWithinWindow(difference: number): boolean {
  const bytes = difference | 0;
  return bytes >= 0 && bytes <= WINDOW;
}
