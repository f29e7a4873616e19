import { FLAG, I32, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "../session/tcp_state.ts";
import type { Packet } from "../wire/packet.ts";

/**
 * Window probes and keep-alives of some systems carry one byte, which says nothing of loss (RFC 9293,
 * 3.8.4 and 3.8.6.1).
 */
const PROBE_BYTES = 1;

/**
 * Notes what a client's TCP segment tells of the responses' way: what arrived there, whether there is
 * room for more, and whether the client sends again for want of an answer.
 */
export function noteClientSegment(table: SessionTable, slot: number, packet: Packet): void {
  const tcpFlags = packet.tcpFlags;
  // A reset may say anything.
  if ((tcpFlags & TCP_RST) !== 0) return;
  const flags = table.getU8(slot, U8.flags);
  if ((tcpFlags & TCP_ACK) !== 0) {
    table.setI32(slot, I32.clientAcknowledgement, packet.tcpAcknowledgement);
    const zero = packet.tcpWindow === 0 ? FLAG.zeroWindow : 0;
    if ((flags & FLAG.zeroWindow) !== zero) table.setU8(slot, U8.flags, flags ^ FLAG.zeroWindow);
  }
  const fin = (tcpFlags & TCP_FIN) !== 0 ? 1 : 0;
  const end = (packet.tcpSequence + packet.payloadBytes + fin) | 0;
  const ahead = (end - table.getI32(slot, I32.clientSequence)) | 0;
  if (ahead > 0 || (tcpFlags & TCP_SYN) !== 0) {
    table.setI32(slot, I32.clientSequence, end);
    table.setU8(slot, U8.clientResent, 0);
  } else if (packet.payloadBytes > PROBE_BYTES || fin !== 0) {
    const resent = table.getU8(slot, U8.clientResent);
    if (resent < 255) table.setU8(slot, U8.clientResent, resent + 1);
  }
}
