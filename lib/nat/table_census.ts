import { INSTRUCTION, U16, U8 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { SessionViewer } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { protocolName } from "../wire/protocol.ts";

/** Slots that are looked at in one turn: about a millisecond's work. */
const TURN_SLOTS = 16_384;

/** What is counted per service and per server by going through the table. */
export interface TableCensus {
  readonly total: number;
  readonly bypass: number;
  /** By `protocol vip` and by `protocol vip server`. */
  readonly sessions: ReadonlyMap<string, number>;
  readonly bypassing: ReadonlyMap<string, number>;
}

/** For those who need no counts of sessions, or count for themselves: nothing is gone through. */
export const NO_CENSUS: TableCensus = {
  total: 0,
  bypass: 0,
  sessions: new Map(),
  bypassing: new Map(),
};

/**
 * Counts the sessions of a table in many short turns, so that nothing else has to wait for a large
 * one. Those who ask before a count has begun share it; none is answered by one that began earlier.
 */
export class CensusTaker {
  readonly #records: SessionRecords;
  readonly #pause: () => Promise<void>;
  /** Asked for, and not begun. */
  #next: Promise<TableCensus> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  /** @param pause lets others have a turn */
  constructor(records: SessionRecords, pause: () => Promise<void> = nextTurn) {
    this.#records = records;
    this.#pause = pause;
  }

  /** @throws {Error} when it is stopped meanwhile */
  take(): Promise<TableCensus> {
    if (this.#next !== null) return this.#next;
    const next = this.#last.then(() => {
      this.#next = null;
      return this.#count();
    });
    this.#next = next;
    this.#last = next.catch(() => {});
    return next;
  }

  /** The records are no longer there to be read. */
  stop(): void {
    this.#isStopped = true;
  }

  async #count(): Promise<TableCensus> {
    const records = this.#records;
    const count = new SessionCount(records);
    // What comes in the meantime may be counted or not.
    for (let slot = 1; slot <= records.highWater; slot += TURN_SLOTS) {
      if (slot > 1) await this.#pause();
      if (this.#isStopped) throw new Error("Cannot count sessions: the NAT machine stops");
      count.add(slot, Math.min(records.highWater, slot + TURN_SLOTS - 1));
    }
    return count.census();
  }
}

/**
 * Sums over sessions, those in quarantine left out, and towards servers those that are closed as well; texts are made
 * once a server.
 */
class SessionCount {
  readonly #records: SessionRecords;
  // By VIP, server and protocol as one number.
  readonly #sessions = new Map<number, number>();
  readonly #bypassing = new Map<number, number>();
  #total = 0;
  #bypass = 0;

  constructor(records: SessionRecords) {
    this.#records = records;
  }

  /** Counts what is in the slots from one to another, both included. */
  add(first: number, last: number): void {
    const records = this.#records;
    for (let slot = first; slot <= last; slot++) {
      const state = records.getU8(slot, U8.state);
      if (state === STATE.free || state === STATE.quarantine) continue;
      this.#total++;
      // Nobody waits for a session that is over.
      if (state === STATE.closed) continue;
      const key = (records.getU8(slot, U8.protocol) * 65536 + records.getU16(slot, U16.vip)) *
          65536 + records.getU16(slot, U16.server);
      increase(this.#sessions, key);
      if (records.getU8(slot, U8.instruction) !== INSTRUCTION.installed) continue;
      this.#bypass++;
      increase(this.#bypassing, key);
    }
  }

  census(): TableCensus {
    return {
      total: this.#total,
      bypass: this.#bypass,
      sessions: this.#named(this.#sessions),
      bypassing: this.#named(this.#bypassing),
    };
  }

  /** Turns counts by number into counts by `protocol vip` and `protocol vip server`. */
  #named(counts: ReadonlyMap<number, number>): Map<string, number> {
    const viewer = new SessionViewer(this.#records);
    const named = new Map<string, number>();
    for (const [key, count] of counts) {
      const protocol = protocolName(Math.floor(key / 2 ** 32));
      const service = `${protocol} ${viewer.endpointText(Math.floor(key / 65536) % 65536)}`;
      increase(named, service, count);
      named.set(`${service} ${viewer.endpointText(key % 65536)}`, count);
    }
    return named;
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
