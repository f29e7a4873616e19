import { KeyedHash } from "../session/hash.ts";
import type { Endpoint } from "../wire/address.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";

/** 32-bit words of one instruction; see the field constants below. */
const WORDS = 34;
const DOUBLES = WORDS / 2;

// Match and rewrite: addresses as 4 words each, ports in host order.
const MATCH = 0; // source words 0-3, destination words 4-7
const REWRITE = 8; // source words 8-11, destination words 12-15
const MATCH_PORTS = 16; // source << 16 | destination
const REWRITE_PORTS = 17;
const PROTOCOL = 18;
const HOP = 19;
const SEQUENCE = 20;
const FLAGS = 21;
const LEASE = 22; // which connection's lease
const PATH_MTU = 23;
const RESENT = 30;
const RESENT_AGAIN = 31;
const RESENT_FROM = 32; // the sequence number of the packet resent last
const RESENT_TOLD = 33; // the main thread knows, and will report: it takes this back
// As float64 indices: words 24-29.
const PACKETS = 12;
const BYTES = 13;
const LAST_USED_MS = 14;

/** Bits of an instruction's flags: what has been seen from the server. */
export const SEEN_FIN = 1;
export const SEEN_RST = 2;
/** From then on the instruction is not used any more. */
export const SEEN_SYN = 4;

export const LEASES = 16;

/** Shared memory of an instruction table: the worker writes, the main thread reads. */
export interface InstructionMemory {
  readonly records: SharedArrayBuffer;
  /** Until when (boot time, ms) each connection's instructions may be used; the main thread writes. */
  readonly leases: SharedArrayBuffer;
}

export function makeInstructionMemory(capacity: number): InstructionMemory {
  return {
    records: new SharedArrayBuffer((capacity + 1) * WORDS * 4),
    leases: new SharedArrayBuffer(LEASES * 8),
  };
}

/** What an instruction says, in numbers. */
export interface InstructionWords {
  readonly protocol: number;
  readonly match: EndpointPair;
  readonly rewrite: EndpointPair;
  readonly lease: number;
  /** TCP: the largest IP packet that reaches the client, in bytes; 0: not known. */
  readonly pathMtu: number;
}

interface EndpointPair {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** The instructions as the main thread sees them: writes them, reads their counters. */
export class InstructionRecords {
  protected readonly words: Int32Array;
  protected readonly doubles: Float64Array;
  protected readonly leases: Float64Array;

  constructor(memory: InstructionMemory) {
    this.words = new Int32Array(memory.records);
    this.doubles = new Float64Array(memory.records);
    this.leases = new Float64Array(memory.leases);
  }

  /** Writes an instruction into a slot that the worker does not use. */
  write(slot: number, instruction: InstructionWords): void {
    const { protocol, match, rewrite, lease, pathMtu } = instruction;
    const base = slot * WORDS;
    const words = this.words;
    words.fill(0, base, base + WORDS);
    words.set(match.source.address.words, base + MATCH);
    words.set(match.destination.address.words, base + MATCH + 4);
    words.set(rewrite.source.address.words, base + REWRITE);
    words.set(rewrite.destination.address.words, base + REWRITE + 4);
    words[base + MATCH_PORTS] = (match.source.port << 16) | match.destination.port;
    words[base + REWRITE_PORTS] = (rewrite.source.port << 16) | rewrite.destination.port;
    words[base + PROTOCOL] = protocol;
    words[base + LEASE] = lease;
    words[base + PATH_MTU] = pathMtu;
  }

  packets(slot: number): number {
    return this.doubles[slot * DOUBLES + PACKETS]!;
  }
  bytes(slot: number): number {
    return this.doubles[slot * DOUBLES + BYTES]!;
  }
  /** Boot time in ms; 0 when never used. */
  lastUsedMs(slot: number): number {
    return this.doubles[slot * DOUBLES + LAST_USED_MS]!;
  }
  flags(slot: number): number {
    return this.words[slot * WORDS + FLAGS]!;
  }
  /** The sequence number after the highest byte sent, unsigned. */
  sequence(slot: number): number {
    return this.words[slot * WORDS + SEQUENCE]! >>> 0;
  }
  /** TCP packets with data or FIN that had been sent before. */
  resent(slot: number): number {
    return this.words[slot * WORDS + RESENT]! >>> 0;
  }
  /** Of these, the ones at or before the one resent last. */
  resentAgain(slot: number): number {
    return this.words[slot * WORDS + RESENT_AGAIN]! >>> 0;
  }
  /** From now on the worker tells again when something is resent; before its counters are read. */
  hearResent(slot: number): void {
    this.words[slot * WORDS + RESENT_TOLD] = 0;
  }
  isTcp(slot: number): boolean {
    return this.words[slot * WORDS + PROTOCOL] === PROTOCOL_TCP;
  }
  setLease(lease: number, untilMs: number): void {
    this.leases[lease] = untilMs;
  }
}

/**
 * The translation instructions of a server, as its packet worker looks them up: by the four
 * endpoints' halves that a response packet shows (source and destination), hashed with a key, open
 * addressing with backward shift. Slot 0 is none. Slots are given out by the caller.
 */
export class InstructionTable extends InstructionRecords {
  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #hash: KeyedHash;
  readonly rewriteWords = new Int32Array(8);

  constructor(memory: InstructionMemory, key: readonly [number, number]) {
    super(memory);
    let entries = 256;
    while (entries < (this.words.length / WORDS) * 2) entries *= 2;
    this.#index = new Int32Array(entries);
    this.#mask = entries - 1;
    this.#hash = new KeyedHash(key[0], key[1]);
  }

  /** The slot of the instruction that matches, or 0. `addresses`: source and destination words. */
  find(addresses: Int32Array, ports: number, protocol: number): number {
    let at = this.#hashOf(addresses, 0, ports, protocol) & this.#mask;
    for (;;) {
      const slot = this.#index[at]!;
      if (slot === 0) return 0;
      const base = slot * WORDS;
      const words = this.words;
      if (
        words[base + MATCH_PORTS] === ports && words[base + MATCH + 7] === addresses[7] &&
        words[base + MATCH + 3] === addresses[3] && words[base + PROTOCOL] === protocol &&
        words[base + MATCH] === addresses[0] && words[base + MATCH + 1] === addresses[1] &&
        words[base + MATCH + 2] === addresses[2] && words[base + MATCH + 4] === addresses[4] &&
        words[base + MATCH + 5] === addresses[5] && words[base + MATCH + 6] === addresses[6]
      ) return slot;
      at = (at + 1) & this.#mask;
    }
  }

  /** The instruction written into this slot is found from now on. */
  add(slot: number): void {
    let at = this.#home(slot);
    while (this.#index[at] !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = slot;
  }

  /** The instruction is found no more; its counters stay readable until the slot is used again. */
  remove(slot: number): void {
    let hole = this.#home(slot);
    while (this.#index[hole] !== slot) {
      if (this.#index[hole] === 0) return;
      hole = (hole + 1) & this.#mask;
    }
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const next = this.#index[at]!;
      if (next === 0) break;
      if (((at - this.#home(next)) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#index[hole] = next;
        hole = at;
      }
    }
    this.#index[hole] = 0;
  }

  /** May the instruction be used now? Not when its lease has run out. */
  leased(slot: number, nowMs: number): boolean {
    return nowMs < this.leases[this.words[slot * WORDS + LEASE]!]!;
  }

  /** Has a SYN been seen since the instruction came? */
  reopened(slot: number): boolean {
    return (this.words[slot * WORDS + FLAGS]! & SEEN_SYN) !== 0;
  }

  hop(slot: number): number {
    return this.words[slot * WORDS + HOP]!;
  }
  setHop(slot: number, hop: number): void {
    this.words[slot * WORDS + HOP] = hop;
  }
  pathMtu(slot: number): number {
    return this.words[slot * WORDS + PATH_MTU]!;
  }
  /** The words of the table, for {@linkcode clientOffset}. */
  get clientWords(): Int32Array {
    return this.words;
  }
  /** Where the client's address stands in {@linkcode clientWords}. */
  clientOffset(slot: number): number {
    return slot * WORDS + REWRITE + 4;
  }
  /** Copies the new source and destination into `rewriteWords`; returns the ports. */
  loadRewrite(slot: number): number {
    const base = slot * WORDS;
    for (let i = 0; i < 8; i++) this.rewriteWords[i] = this.words[base + REWRITE + i]!;
    return this.words[base + REWRITE_PORTS]!;
  }
  count(slot: number, bytes: number, nowMs: number): void {
    const at = slot * DOUBLES;
    this.doubles[at + PACKETS] = this.doubles[at + PACKETS]! + 1;
    this.doubles[at + BYTES] = this.doubles[at + BYTES]! + bytes;
    this.doubles[at + LAST_USED_MS] = nowMs;
  }
  /**
   * Notes a TCP packet that was counted already.
   * @param from its sequence number
   * @param end the sequence number after it
   * @param carries whether it has data or FIN, which the client has to acknowledge
   * @returns whether it is one that was sent before, and the main thread is to hear of it
   */
  sent(slot: number, from: number, end: number, carries: boolean): boolean {
    const base = slot * WORDS;
    const words = this.words;
    const isFirst = this.doubles[slot * DOUBLES + PACKETS] === 1;
    if (isFirst || ((end - words[base + SEQUENCE]!) | 0) > 0) {
      words[base + SEQUENCE] = end;
      return false;
    }
    if (!carries) return false;
    // Loss is repaired in ascending order; who goes back got no answer to what was resent either.
    if (words[base + RESENT] !== 0 && ((from - words[base + RESENT_FROM]!) | 0) <= 0) {
      words[base + RESENT_AGAIN] = (words[base + RESENT_AGAIN]! + 1) | 0;
    }
    words[base + RESENT_FROM] = from;
    words[base + RESENT] = (words[base + RESENT]! + 1) | 0;
    if (words[base + RESENT_TOLD] !== 0) return false;
    words[base + RESENT_TOLD] = 1;
    return true;
  }
  /** Notes FIN or RST; true when it is news. */
  see(slot: number, flags: number): boolean {
    const at = slot * WORDS + FLAGS;
    const before = this.words[at]!;
    this.words[at] = before | flags;
    return (before | flags) !== before;
  }

  #home(slot: number): number {
    const base = slot * WORDS;
    return this.#hashOf(
      this.words,
      base + MATCH,
      this.words[base + MATCH_PORTS]!,
      this.words[base + PROTOCOL]!,
    ) & this.#mask;
  }

  #hashOf(words: Int32Array, offset: number, ports: number, protocol: number): number {
    const hash = this.#hash;
    hash.start();
    hash.add(words[offset + 3]!);
    hash.add(words[offset + 7]!);
    if (words[offset + 2] !== 0xffff) {
      hash.add(words[offset]! ^ words[offset + 1]! ^ words[offset + 2]!);
      hash.add(words[offset + 4]! ^ words[offset + 5]! ^ words[offset + 6]!);
    }
    hash.add(ports);
    hash.add(protocol);
    return hash.finish();
  }
}
