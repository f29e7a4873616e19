import { type CaptureSubject, END } from "../session/capture_subject.ts";
import { KeyedHash } from "../session/hash.ts";
import type { Endpoint } from "../wire/address.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";

// What an instruction says, in 32-bit words. The main thread writes, every worker reads.
// Match and rewrite: addresses as 4 words each, ports in host order.
const MATCH = 0; // source words 0-3, destination words 4-7
const REWRITE = 8; // source words 8-11, destination words 12-15
const MATCH_PORTS = 16; // source << 16 | destination
const REWRITE_PORTS = 17;
const PROTOCOL = 18;
const LEASE = 19; // which connection's lease
const PATH_MTU = 20;
const REOPENED = 21; // 1: a SYN has been seen; the one word that workers write
const RULE_WORDS = 22;

// What one worker knows of it, as 32-bit words and from word 8 on as float64.
const HOP = 0;
const SEQUENCE = 1;
const FLAGS = 2;
const RESENT = 3;
const RESENT_AGAIN = 4;
const RESENT_FROM = 5; // the sequence number of the packet resent last
const RESENT_TOLD = 6; // the main thread knows, and will report: it takes this back
const PACKETS = 4;
const BYTES = 5;
const LAST_USED_MS = 6;
const STATE_WORDS = 14;
const STATE_DOUBLES = STATE_WORDS / 2;

/** Bits of an instruction's flags: what has been seen from the server. */
export const SEEN_FIN = 1;
export const SEEN_RST = 2;
/** From then on the instruction is not used any more. */
export const SEEN_SYN = 4;

export const LEASES = 16;

/**
 * Shared memory of an instruction table. The kernel keeps the packets of a session on one queue of
 * the tun device, and so with one worker, as long as the number of queues stays; nothing depends on
 * it, since each worker counts for itself.
 */
export interface InstructionMemory {
  readonly rules: SharedArrayBuffer;
  /** One for each worker, which writes it; the main thread reads. */
  readonly states: readonly SharedArrayBuffer[];
  /** Until when (boot time, ms) each connection's instructions may be used; the main thread writes. */
  readonly leases: SharedArrayBuffer;
}

export function makeInstructionMemory(capacity: number, workers = 1): InstructionMemory {
  return {
    rules: new SharedArrayBuffer((capacity + 1) * RULE_WORDS * 4),
    states: Array.from(
      { length: workers },
      () => new SharedArrayBuffer((capacity + 1) * STATE_WORDS * 4),
    ),
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

/** What one worker has counted and seen, by slot. */
class WorkerState {
  readonly words: Int32Array;
  readonly doubles: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  word(slot: number, field: number): number {
    return this.words[slot * STATE_WORDS + field]!;
  }
  double(slot: number, field: number): number {
    return this.doubles[slot * STATE_DOUBLES + field]!;
  }
}

/** The instructions as the main thread sees them: writes them, reads what all workers have counted. */
export class InstructionRecords {
  protected readonly rules: Int32Array;
  protected readonly states: readonly WorkerState[];
  protected readonly leases: Float64Array;

  constructor(memory: InstructionMemory) {
    this.rules = new Int32Array(memory.rules);
    this.states = memory.states.map((buffer) => new WorkerState(buffer));
    this.leases = new Float64Array(memory.leases);
  }

  /** Writes an instruction into a slot that no worker uses. */
  write(slot: number, instruction: InstructionWords): void {
    const { protocol, match, rewrite, lease, pathMtu } = instruction;
    for (const { words } of this.states) {
      words.fill(0, slot * STATE_WORDS, (slot + 1) * STATE_WORDS);
    }
    const base = slot * RULE_WORDS;
    const rules = this.rules;
    rules.set(match.source.address.words, base + MATCH);
    rules.set(match.destination.address.words, base + MATCH + 4);
    rules.set(rewrite.source.address.words, base + REWRITE);
    rules.set(rewrite.destination.address.words, base + REWRITE + 4);
    rules[base + MATCH_PORTS] = (match.source.port << 16) | match.destination.port;
    rules[base + REWRITE_PORTS] = (rewrite.source.port << 16) | rewrite.destination.port;
    rules[base + PROTOCOL] = protocol;
    rules[base + LEASE] = lease;
    rules[base + PATH_MTU] = pathMtu;
    rules[base + REOPENED] = 0;
  }

  packets(slot: number): number {
    return this.#sum((state) => state.double(slot, PACKETS));
  }
  bytes(slot: number): number {
    return this.#sum((state) => state.double(slot, BYTES));
  }
  /** Boot time in ms; 0 when never used. */
  lastUsedMs(slot: number): number {
    let last = 0;
    for (const state of this.states) last = Math.max(last, state.double(slot, LAST_USED_MS));
    return last;
  }
  flags(slot: number): number {
    let flags = 0;
    for (const state of this.states) flags |= state.word(slot, FLAGS);
    return flags;
  }
  /** The sequence number after the highest byte sent, unsigned. */
  sequence(slot: number): number {
    let highest: number | null = null;
    for (const state of this.states) {
      if (state.double(slot, PACKETS) === 0) continue;
      const sequence = state.word(slot, SEQUENCE);
      if (highest === null || ((sequence - highest) | 0) > 0) highest = sequence;
    }
    return (highest ?? 0) >>> 0;
  }
  /** TCP packets with data or FIN that had been sent before. */
  resent(slot: number): number {
    return this.#sum((state) => state.word(slot, RESENT) >>> 0) >>> 0;
  }
  /** Of these, the ones at or before the one resent last. */
  resentAgain(slot: number): number {
    return this.#sum((state) => state.word(slot, RESENT_AGAIN) >>> 0) >>> 0;
  }
  /** From now on the workers tell again when something is resent; before its counters are read. */
  hearResent(slot: number): void {
    for (const { words } of this.states) words[slot * STATE_WORDS + RESENT_TOLD] = 0;
  }
  isTcp(slot: number): boolean {
    return this.rules[slot * RULE_WORDS + PROTOCOL] === PROTOCOL_TCP;
  }
  /** Fills in the ends of the session that an instruction is about. Allocates nothing. */
  describe(slot: number, subject: CaptureSubject): void {
    const base = slot * RULE_WORDS;
    const { rules } = this;
    const { ends } = subject;
    for (let i = 0; i < 4; i++) {
      ends[END.server + i] = rules[base + MATCH + i]!;
      ends[END.nat + i] = rules[base + MATCH + 4 + i]!;
      ends[END.vip + i] = rules[base + REWRITE + i]!;
      ends[END.client + i] = rules[base + REWRITE + 4 + i]!;
    }
    ends[END.server + 4] = rules[base + MATCH_PORTS]! >>> 16;
    ends[END.nat + 4] = rules[base + MATCH_PORTS]! & 0xffff;
    ends[END.vip + 4] = rules[base + REWRITE_PORTS]! >>> 16;
    ends[END.client + 4] = rules[base + REWRITE_PORTS]! & 0xffff;
  }
  setLease(lease: number, untilMs: number): void {
    this.leases[lease] = untilMs;
  }

  #sum(of: (state: WorkerState) => number): number {
    let sum = 0;
    for (const state of this.states) sum += of(state);
    return sum;
  }
}

/**
 * The translation instructions of a server, as a packet worker looks them up: by the four
 * endpoints' halves that a response packet shows (source and destination), hashed with a key, open
 * addressing with backward shift. Slot 0 is none. Slots are given out by the caller. Each worker has
 * its own index of the same rules.
 */
export class InstructionTable extends InstructionRecords {
  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #hash: KeyedHash;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly rewriteWords = new Int32Array(8);

  /** @param worker whose counters are written */
  constructor(memory: InstructionMemory, key: readonly [number, number], worker = 0) {
    super(memory);
    const { words, doubles } = this.states[worker]!;
    this.#words = words;
    this.#doubles = doubles;
    let entries = 256;
    while (entries < (this.rules.length / RULE_WORDS) * 2) entries *= 2;
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
      const base = slot * RULE_WORDS;
      const words = this.rules;
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
    return nowMs < this.leases[this.rules[slot * RULE_WORDS + LEASE]!]!;
  }

  /** Has a SYN been seen since the instruction came? */
  reopened(slot: number): boolean {
    return this.rules[slot * RULE_WORDS + REOPENED] !== 0;
  }

  hop(slot: number): number {
    return this.#words[slot * STATE_WORDS + HOP]!;
  }
  setHop(slot: number, hop: number): void {
    this.#words[slot * STATE_WORDS + HOP] = hop;
  }
  pathMtu(slot: number): number {
    return this.rules[slot * RULE_WORDS + PATH_MTU]!;
  }
  /** The words of the table, for {@linkcode clientOffset}. */
  get clientWords(): Int32Array {
    return this.rules;
  }
  /** Where the client's address stands in {@linkcode clientWords}. */
  clientOffset(slot: number): number {
    return slot * RULE_WORDS + REWRITE + 4;
  }
  /** Copies the new source and destination into `rewriteWords`; returns the ports. */
  loadRewrite(slot: number): number {
    const base = slot * RULE_WORDS;
    for (let i = 0; i < 8; i++) this.rewriteWords[i] = this.rules[base + REWRITE + i]!;
    return this.rules[base + REWRITE_PORTS]!;
  }
  count(slot: number, packets: number, bytes: number, nowMs: number): void {
    const at = slot * STATE_DOUBLES;
    const doubles = this.#doubles;
    doubles[at + PACKETS] = doubles[at + PACKETS]! + packets;
    doubles[at + BYTES] = doubles[at + BYTES]! + bytes;
    doubles[at + LAST_USED_MS] = nowMs;
  }
  /**
   * Notes a TCP packet that was counted already.
   * @param from its sequence number
   * @param end the sequence number after it
   * @param carries whether it has data or FIN, which the client has to acknowledge
   * @returns whether it is one that was sent before, and the main thread is to hear of it
   */
  sent(slot: number, from: number, end: number, carries: boolean): boolean {
    const base = slot * STATE_WORDS;
    const words = this.#words;
    const isFirst = this.#doubles[slot * STATE_DOUBLES + PACKETS] === 1;
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
  /** Notes FIN, RST or SYN; true when it is news. */
  see(slot: number, flags: number): boolean {
    const at = slot * STATE_WORDS + FLAGS;
    const before = this.#words[at]!;
    this.#words[at] = before | flags;
    // Holds for all workers at once.
    if ((flags & SEEN_SYN) !== 0) this.rules[slot * RULE_WORDS + REOPENED] = 1;
    return (before | flags) !== before;
  }

  #home(slot: number): number {
    const base = slot * RULE_WORDS;
    return this.#hashOf(
      this.rules,
      base + MATCH,
      this.rules[base + MATCH_PORTS]!,
      this.rules[base + PROTOCOL]!,
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
