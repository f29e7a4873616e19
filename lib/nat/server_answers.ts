import { F64, FLAG, HOLD_NONE, I32, U16, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { TCP_ACK, TCP_RST, TCP_SYN } from "../session/tcp_state.ts";
import type { Packet } from "../wire/packet.ts";
import type { ServerSigns } from "./server_signs.ts";
import type { ServiceTable } from "./service_table.ts";

/**
 * A SYN repeated so long after the first has not been answered: clients repeat it after one second and after three (RFC
 * 6298, section 2), and the first repetition may cross with the answer.
 */
const UNANSWERED_MS = 2_500;

/**
 * Notes how servers answer SYNs, and nothing else that clients can bring about: a RST or silence later in a session, a RST
 * of the client itself, a SYN that nobody repeats.
 */
export class ServerAnswers {
  readonly #table: SessionTable;
  readonly #signs: ServerSigns;

  constructor(table: SessionTable, signs: ServerSigns) {
    this.#table = table;
    this.#signs = signs;
  }

  /**
   * The first packet of the server to a session that is opening. A RST that acknowledges the SYN comes from a port that is
   * closed (RFC 9293, 3.5.2, group 1); other ones a client could provoke.
   */
  answered(slot: number, packet: Packet): void {
    const table = this.#table;
    const server = table.getU16(slot, U16.server);
    const flags = packet.tcpFlags & (TCP_SYN | TCP_ACK | TCP_RST);
    if (flags === (TCP_SYN | TCP_ACK)) this.#signs.answered(server);
    else if (
      flags === (TCP_RST | TCP_ACK) &&
      ((packet.tcpAcknowledgement - table.getI32(slot, I32.clientSequence)) | 0) === 1
    ) {
      this.#signs.refused(server);
      this.#mark(slot);
    }
  }

  /** The client repeats its SYN, and there is no answer yet. */
  repeated(slot: number, packet: Packet, nowMs: number): void {
    const table = this.#table;
    if ((table.getU8(slot, U8.flags) & FLAG.unanswered) !== 0) return;
    if (nowMs - table.getF64(slot, F64.createdMs) < UNANSWERED_MS) return;
    this.#mark(slot);
    this.#signs.silent(table.getU16(slot, U16.server), packet.addresses);
  }

  /**
   * Whether this repeated SYN should rather go to another server: its own has not answered it, and takes no sessions any
   * more.
   */
  isLost(slot: number, services: ServiceTable): boolean {
    const table = this.#table;
    return (table.getU8(slot, U8.flags) & FLAG.unanswered) !== 0 &&
      table.getU8(slot, U8.hold) === HOLD_NONE && services.hasLostServer(slot);
  }

  #mark(slot: number): void {
    this.#table.setU8(slot, U8.flags, this.#table.getU8(slot, U8.flags) | FLAG.unanswered);
  }
}
