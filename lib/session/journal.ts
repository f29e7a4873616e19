import { F64, I32, RECORD_BYTES, U16, U8 } from "./layout.ts";
import type { SessionRecords } from "./session_records.ts";

const WORDS = 24;
const DOUBLES = WORDS / 2;
const CAPACITY = 8192;
const HEADER_BYTES = 64;

export const JOURNAL_OPENED = 1;
export const JOURNAL_CLOSED = 2;

/** The journals of several packet workers, read as one. */
export class Journals {
  readonly all: readonly Journal[];

  constructor(workers: number) {
    this.all = Array.from({ length: workers }, () => new Journal());
  }

  /** How many entries each worker has written: where to go on reading. */
  get position(): readonly number[] {
    return this.all.map(({ count }) => count);
  }

  /** The entries between two positions that are still there, oldest first; default: all. */
  read(from: readonly number[] = [], until = this.position): JournalEntry[] {
    const entries = this.all.map((it, worker) => it.read(from[worker] ?? 0, until[worker]));
    return entries.length === 1 ? entries[0]! : entries.flat().sort((a, b) => a.atMs - b.atMs);
  }
}

/** What happened to a session, with its endpoints as they were then. */
export interface JournalEntry {
  readonly number: number;
  readonly kind: number;
  readonly reason: number;
  /** Boot time, ms. */
  readonly atMs: number;
  readonly id: number;
  /** Address words. */
  readonly client: Int32Array;
  readonly clientPort: number;
  readonly vip: number;
  readonly server: number;
  readonly natAddress: number;
  readonly natPort: number;
  readonly protocol: number;
}

/**
 * The last sessions opened and closed, in shared memory: the worker writes without ever waiting,
 * the oldest entries are written over, and nobody reads unless somebody asks.
 */
export class Journal {
  readonly buffer: SharedArrayBuffer;
  readonly #count: Float64Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(HEADER_BYTES + CAPACITY * WORDS * 4);
    this.#count = new Float64Array(this.buffer, 0, 1);
    this.#words = new Int32Array(this.buffer, HEADER_BYTES);
    this.#doubles = new Float64Array(this.buffer, HEADER_BYTES);
  }

  /** How many entries have ever been written. */
  get count(): number {
    return this.#count[0]!;
  }

  write(kind: number, reason: number, records: SessionRecords, slot: number, nowMs: number): void {
    const number = this.#count[0]!;
    const place = number % CAPACITY;
    const at = place * WORDS;
    const words = this.#words;
    const record = slot * (RECORD_BYTES / 4);
    for (let i = 0; i < 4; i++) words[at + i] = records.i32[record + I32.client + i]!;
    words[at + 4] = records.getU16(slot, U16.clientPort);
    words[at + 5] = records.getU16(slot, U16.vip);
    words[at + 6] = records.getU16(slot, U16.server);
    words[at + 7] = records.getU16(slot, U16.natAddress);
    words[at + 8] = records.getU16(slot, U16.natPort);
    words[at + 9] = records.getU8(slot, U8.protocol);
    words[at + 10] = kind;
    words[at + 11] = reason;
    const double = place * DOUBLES;
    this.#doubles[double + 6] = records.getF64(slot, F64.id);
    this.#doubles[double + 7] = nowMs;
    this.#doubles[double + 8] = number;
    this.#count[0] = number + 1;
  }

  /** The entries from `from` on that are still there, oldest first. */
  read(from: number, until = this.count): JournalEntry[] {
    const count = this.count;
    const entries: JournalEntry[] = [];
    for (let n = Math.max(from, count - CAPACITY + 1); n < until; n++) {
      const place = n % CAPACITY;
      const words = this.#words.slice(place * WORDS, (place + 1) * WORDS);
      const double = place * DOUBLES;
      const entry: JournalEntry = {
        number: n,
        kind: words[10]!,
        reason: words[11]!,
        atMs: this.#doubles[double + 7]!,
        id: this.#doubles[double + 6]!,
        client: words.subarray(0, 4),
        clientPort: words[4]!,
        vip: words[5]!,
        server: words[6]!,
        natAddress: words[7]!,
        natPort: words[8]!,
        protocol: words[9]!,
      };
      // Written over while it was read: the writer has gone round.
      if (this.#doubles[double + 8] === n) entries.push(entry);
    }
    return entries;
  }
}
