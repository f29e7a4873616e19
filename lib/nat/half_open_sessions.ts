import { DIRECT, F64, HOLD_NONE, U16, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { SlotQueue } from "../session/slot_queue.ts";
import { STATE } from "../session/tcp_state.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";

/** Of each protocol they may take a quarter of the table; a table smaller than this they may fill. */
const FEWEST = 1024;
/** How many are looked at for one that can go. */
const STEPS = 64;

/**
 * Sessions whose other end has not been heard of, so that a flood of them harms only itself.
 *
 * With TCP the oldest makes room for the newest: should its server answer late, the NAT endpoint's
 * next client refuses that by its numbers. Nothing refuses a late datagram, so with UDP the newest is
 * refused, and an endpoint counts here until it has rested.
 */
export class HalfOpenSessions {
  readonly #table: SessionTable;
  readonly #most: number;
  /** TCP, oldest first. */
  readonly #queue: SlotQueue;
  /** UDP: 1 for each that was never answered and is not released. */
  readonly #unanswered: Uint8Array;
  #unansweredCount = 0;

  constructor(table: SessionTable) {
    this.#table = table;
    this.#most = Math.max(FEWEST, table.share >> 2);
    this.#queue = new SlotQueue(table.capacity + 1);
    this.#unanswered = new Uint8Array(table.capacity + 1);
  }

  /** TCP has its share: a new session must take the place of an old one. */
  get tcpFull(): boolean {
    return this.#queue.size >= this.#most;
  }
  /** UDP has its share. */
  get udpFull(): boolean {
    return this.#unansweredCount >= this.#most;
  }

  /** One that is here already stays where it is. */
  add(slot: number): void {
    if (this.#table.getU8(slot, U8.protocol) === PROTOCOL_TCP) this.#queue.add(slot);
    else if (this.#unanswered[slot] === 0) {
      this.#unanswered[slot] = 1;
      this.#unansweredCount++;
    }
  }

  /** One of a table that is gone on with. */
  adopt(slot: number): void {
    const table = this.#table;
    const state = table.getU8(slot, U8.state);
    const isResting = state === STATE.quarantine &&
      table.getU8(slot, U8.protocol) !== PROTOCOL_TCP &&
      table.getF64(slot, F64.packetsViaNat) + table.getDirect(slot, DIRECT.packets) === 0;
    if (isHalfOpen(state) || isResting) this.add(slot);
  }

  /** It was answered, or is released; does nothing when it is not here. */
  remove(slot: number): void {
    this.#queue.remove(slot);
    if (this.#unanswered[slot] === 0) return;
    this.#unanswered[slot] = 0;
    this.#unansweredCount--;
  }

  /** It rests from now on: no longer displaced, but with UDP still counted. */
  rests(slot: number): void {
    this.#queue.remove(slot);
  }

  /**
   * The oldest session that can make room, 0 when there is none. Those with an instruction cannot.
   * @param server one whose NAT endpoint is towards this server; 0: any
   */
  displaceable(server: number): number {
    const table = this.#table;
    let slot = this.#queue.oldest;
    for (let n = 0; n < STEPS && slot !== 0; n++) {
      const suits = server === 0 || table.getU16(slot, U16.server) === server;
      if (suits && table.getU8(slot, U8.hold) === HOLD_NONE && !isAnsweredDirectly(table, slot)) {
        return slot;
      }
      slot = this.#queue.after(slot);
    }
    return 0;
  }
}

/** Half-open as far as was seen here, but an agent has sent responses. */
export function isAnsweredDirectly(table: SessionTable, slot: number): boolean {
  return table.getU8(slot, U8.state) === STATE.opening &&
    table.getDirect(slot, DIRECT.packets) > 0;
}

export function isHalfOpen(state: number): boolean {
  return state === STATE.opening || state === STATE.answered;
}
