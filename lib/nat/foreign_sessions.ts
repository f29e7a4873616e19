import { FLAG, RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import { KeyedHash } from "../session/hash.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { STATE } from "../session/tcp_state.ts";
import type { Steering } from "./steering.ts";

/** Entries looked at in one call of `forget`. */
const STEPS = 32;
/** In the place of a slot: there was one. */
const GONE = -1;

/**
 * Sessions whose clients' packets come to another worker than the one that has their NAT port: of a
 * table that was written with another number of workers, and some that were rebuilt. Every worker knows
 * them, to hand their packets over; there are fewer and fewer. The records are others': an entry counts
 * as long as its record says the same.
 */
export class ForeignSessions {
  readonly #records: SessionRecords;
  readonly #steering: Steering;
  readonly #hash: KeyedHash;
  /** Open addressing by the client's endpoint: slots. */
  #entries = new Int32Array(0);
  /** Places in use, those of what is gone among them. */
  #filled = 0;
  #size = 0;
  #lookedAt = 0;

  constructor(records: SessionRecords, steering: Steering, key: readonly [number, number]) {
    this.#records = records;
    this.#steering = steering;
    this.#hash = new KeyedHash(key[0], key[1]);
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the session in this slot is one. */
  isForeign(slot: number): boolean {
    const { i32, u16 } = this.#records;
    const port = u16[slot * (RECORD_BYTES / 2) + U16.clientPort]!;
    return this.#lives(slot) &&
      this.#steering.ofClient(i32, slot * (RECORD_BYTES / 4), port) !== this.#ownerOf(slot);
  }

  add(slots: readonly number[]): void {
    if ((this.#filled + slots.length) * 2 > this.#entries.length) this.#grow(slots.length);
    for (const slot of slots) this.#put(slot);
  }

  /** The worker that has the session of a client endpoint at a VIP (a dictionary entry), or -1. */
  find(words: Int32Array, offset: number, port: number, vip: number, protocol: number): number {
    if (this.#size === 0) return -1;
    const { i32, u16, u8 } = this.#records;
    const mask = this.#entries.length - 1;
    let at = this.#hashOf(words, offset, port) & mask;
    for (let slot = this.#entries[at]!; slot !== 0; slot = this.#entries[at]!) {
      at = (at + 1) & mask;
      if (slot === GONE) continue;
      const word = slot * (RECORD_BYTES / 4);
      const half = slot * (RECORD_BYTES / 2);
      if (
        u16[half + U16.clientPort] === port && u16[half + U16.vip] === vip &&
        i32[word + 3] === words[offset + 3] && i32[word + 2] === words[offset + 2] &&
        i32[word + 1] === words[offset + 1] && i32[word] === words[offset] &&
        u8[slot * RECORD_BYTES + U8.protocol] === protocol && this.#lives(slot)
      ) return this.#ownerOf(slot);
    }
    return -1;
  }

  /** Forgets what is over, a few entries at a time; to be called between batches. */
  forget(): void {
    for (let n = 0; n < STEPS && this.#size > 0; n++) {
      this.#lookedAt = (this.#lookedAt + 1) & (this.#entries.length - 1);
      const slot = this.#entries[this.#lookedAt]!;
      if (slot <= 0 || this.isForeign(slot)) continue;
      this.#entries[this.#lookedAt] = GONE;
      this.#size--;
    }
  }

  /** Is its client still to find it? */
  #lives(slot: number): boolean {
    const { u8 } = this.#records;
    const state = u8[slot * RECORD_BYTES + U8.state]!;
    return state !== STATE.free && (u8[slot * RECORD_BYTES + U8.flags]! & FLAG.inbound) !== 0;
  }

  #ownerOf(slot: number): number {
    return this.#steering.ofPort(this.#records.getU16(slot, U16.natPort));
  }

  #put(slot: number): void {
    const { i32 } = this.#records;
    const mask = this.#entries.length - 1;
    const port = this.#records.getU16(slot, U16.clientPort);
    let at = this.#hashOf(i32, slot * (RECORD_BYTES / 4), port) & mask;
    for (; this.#entries[at] !== 0; at = (at + 1) & mask) if (this.#entries[at] === slot) return;
    this.#entries[at] = slot;
    this.#filled++;
    this.#size++;
  }

  #grow(more: number): void {
    const before = this.#entries;
    let entries = 1024;
    while (entries < (this.#size + more) * 4) entries *= 2;
    this.#entries = new Int32Array(entries);
    this.#filled = 0;
    this.#size = 0;
    for (const slot of before) if (slot > 0) this.#put(slot);
  }

  #hashOf(words: Int32Array, offset: number, port: number): number {
    const hash = this.#hash;
    hash.start();
    for (let i = 0; i < 4; i++) hash.add(words[offset + i]!);
    hash.add(port);
    return hash.finish();
  }
}
