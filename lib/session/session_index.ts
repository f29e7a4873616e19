import { FLAG, RECORD_BYTES, U16, U8 } from "./layout.ts";
import { KeyedHash } from "./hash.ts";
import type { SessionRecords } from "./session_records.ts";

const WORDS = RECORD_BYTES / 4;
const HALVES = RECORD_BYTES / 2;

/** An index entry: slot in bits 0-23, direction in bit 24, a tag of the hash in bits 25-31. */
const SLOT_MASK = 0xffffff;
const OUTBOUND_BIT = 0x1000000;
const TAG_MASK = 0xfe000000 | 0;
/** Sets the hashes of outbound keys apart; the protocol is below. */
const OUTBOUND_DOMAIN = 256;

/** How many lookups can be made ready at once. */
export const FORESEEN = 64;
/** Below so many sessions the index and the records that are in use stay in the processor's caches. */
const CACHED_SESSIONS = 4096;

/**
 * Finds the records of a table from either direction with one probe sequence: open addressing,
 * linear probing with backward shift, load at most one half, hashed with a secret key.
 */
export class SessionIndex {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #i32: Int32Array;
  readonly #records: SessionRecords;
  readonly #entries: Int32Array;
  readonly #mask: number;
  readonly #hash: KeyedHash;
  readonly #foreseen = new Int32Array(FORESEEN);
  readonly #hashes = new Int32Array(2 * FORESEEN);
  #foreseenCount = 0;
  #sink = 0;

  /**
   * @param key two random words: the secret of the hash
   * @param memory zeros, {@linkcode SessionIndex.bytes} of them; default: its own
   */
  constructor(
    records: SessionRecords,
    key: readonly [number, number],
    memory: ArrayBufferLike = new ArrayBuffer(SessionIndex.bytes(records.capacity)),
  ) {
    this.#records = records;
    this.#u8 = records.u8;
    this.#u16 = records.u16;
    this.#i32 = records.i32;
    this.#entries = new Int32Array(memory, 0, SessionIndex.bytes(records.capacity) / 4);
    this.#mask = this.#entries.length - 1;
    this.#hash = new KeyedHash(key[0], key[1]);
  }

  /** Bytes of memory for a table of so many sessions. */
  static bytes(capacity: number): number {
    let entries = 1024;
    while (entries < capacity * 4) entries *= 2;
    return entries * 4;
  }

  /** The session of a client endpoint at a VIP (a dictionary entry), or 0. */
  findInbound(
    words: Int32Array,
    offset: number,
    clientPort: number,
    vip: number,
    protocol: number,
  ): number {
    const hash = this.#hashInbound(words, offset, clientPort, vip, protocol);
    const tag = hash & TAG_MASK;
    let at = hash & this.#mask;
    for (;;) {
      const entry = this.#entries[at]!;
      if (entry === 0) return 0;
      if ((entry & (TAG_MASK | OUTBOUND_BIT)) === tag) {
        const slot = entry & SLOT_MASK;
        const word = slot * WORDS;
        const half = slot * HALVES;
        if (
          this.#u16[half + U16.clientPort] === clientPort && this.#u16[half + U16.vip] === vip &&
          this.#i32[word + 3] === words[offset + 3] && this.#i32[word + 2] === words[offset + 2] &&
          this.#i32[word + 1] === words[offset + 1] && this.#i32[word] === words[offset] &&
          this.#u8[slot * RECORD_BYTES + U8.protocol] === protocol
        ) return slot;
      }
      at = (at + 1) & this.#mask;
    }
  }

  /** The session that a server (a dictionary entry) answers at a NAT endpoint, or 0. */
  findOutbound(server: number, natAddress: number, natPort: number, protocol: number): number {
    const hash = this.#hashOutbound(server, natAddress, natPort, protocol);
    const tag = (hash & TAG_MASK) | OUTBOUND_BIT;
    let at = hash & this.#mask;
    for (;;) {
      const entry = this.#entries[at]!;
      if (entry === 0) return 0;
      if ((entry & (TAG_MASK | OUTBOUND_BIT)) === tag) {
        const slot = entry & SLOT_MASK;
        const half = slot * HALVES;
        if (
          this.#u16[half + U16.natPort] === natPort && this.#u16[half + U16.server] === server &&
          this.#u16[half + U16.natAddress] === natAddress &&
          this.#u8[slot * RECORD_BYTES + U8.protocol] === protocol
        ) return slot;
      }
      at = (at + 1) & this.#mask;
    }
  }

  /**
   * A lookup that comes soon: {@linkcode fetch} brings what it needs near. One lookup in a large
   * table waits for the memory twice; lookups made ready together wait at the same time.
   */
  foreseeInbound(
    words: Int32Array,
    offset: number,
    clientPort: number,
    vip: number,
    protocol: number,
  ): void {
    this.#foresee(this.#hashInbound(words, offset, clientPort, vip, protocol));
  }

  foreseeOutbound(server: number, natAddress: number, natPort: number, protocol: number): void {
    this.#foresee(this.#hashOutbound(server, natAddress, natPort, protocol));
  }

  /** Whether the table is so large that foresight pays. */
  get foresees(): boolean {
    return this.#records.used > CACHED_SESSIONS;
  }

  /** Brings the entries and the records of all that was foreseen into the caches. */
  fetch(): void {
    const foreseen = this.#foreseen, entries = this.#entries, i32 = this.#i32;
    const count = this.#foreseenCount;
    let sink = 0;
    // The loads of a loop do not depend on each other, so the processor has many under way.
    for (let i = 0; i < count; i++) {
      const entry = entries[foreseen[i]!]!;
      foreseen[i] = entry & SLOT_MASK;
    }
    for (let i = 0; i < count; i++) {
      const word = foreseen[i]! * WORDS;
      sink += i32[word]! ^ i32[word + WORDS / 2]!;
    }
    this.#sink = sink | 0;
    this.#foreseenCount = 0;
  }

  /** Finds a session by its endpoints from now on, as far as its flags say so. */
  add(slot: number): void {
    const flags = this.#u8[slot * RECORD_BYTES + U8.flags]!;
    if ((flags & FLAG.inbound) !== 0) this.#put(this.#inboundHashOf(slot), slot);
    if ((flags & FLAG.outbound) !== 0) this.#put(this.#outboundHashOf(slot), slot | OUTBOUND_BIT);
  }

  /** The same for up to {@linkcode FORESEEN} slots; they wait for the memory together. */
  addAll(slots: Int32Array, count: number): void {
    const hashes = this.#hashes, entries = this.#entries, mask = this.#mask;
    for (let i = 0; i < count; i++) {
      hashes[2 * i] = this.#inboundHashOf(slots[i]!);
      hashes[2 * i + 1] = this.#outboundHashOf(slots[i]!);
    }
    let sink = 0;
    for (let i = 0; i < 2 * count; i++) sink += entries[hashes[i]! & mask]!;
    this.#sink = sink | 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const flags = this.#u8[slot * RECORD_BYTES + U8.flags]!;
      if ((flags & FLAG.inbound) !== 0) this.#put(hashes[2 * i]!, slot);
      if ((flags & FLAG.outbound) !== 0) this.#put(hashes[2 * i + 1]!, slot | OUTBOUND_BIT);
    }
  }

  removeInbound(slot: number): void {
    this.#remove(this.#inboundHashOf(slot), slot);
  }

  removeOutbound(slot: number): void {
    this.#remove(this.#outboundHashOf(slot), slot | OUTBOUND_BIT);
  }

  #foresee(hash: number): void {
    if (this.#foreseenCount < FORESEEN) this.#foreseen[this.#foreseenCount++] = hash & this.#mask;
  }

  #put(hash: number, entry: number): void {
    let at = hash & this.#mask;
    while (this.#entries[at] !== 0) at = (at + 1) & this.#mask;
    this.#entries[at] = entry | (hash & TAG_MASK);
  }

  #remove(hash: number, entry: number): void {
    const value = entry | (hash & TAG_MASK);
    let hole = hash & this.#mask;
    while (this.#entries[hole] !== value) {
      if (this.#entries[hole] === 0) return;
      hole = (hole + 1) & this.#mask;
    }
    // Backward shift: whatever could not be found past the hole moves into it.
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const next = this.#entries[at]!;
      if (next === 0) break;
      const slot = next & SLOT_MASK;
      const home =
        ((next & OUTBOUND_BIT) !== 0 ? this.#outboundHashOf(slot) : this.#inboundHashOf(slot)) &
        this.#mask;
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#entries[hole] = next;
        hole = at;
      }
    }
    this.#entries[hole] = 0;
  }

  #inboundHashOf(slot: number): number {
    const half = slot * HALVES;
    return this.#hashInbound(
      this.#i32,
      slot * WORDS,
      this.#u16[half + U16.clientPort]!,
      this.#u16[half + U16.vip]!,
      this.#u8[slot * RECORD_BYTES + U8.protocol]!,
    );
  }

  #outboundHashOf(slot: number): number {
    const half = slot * HALVES;
    return this.#hashOutbound(
      this.#u16[half + U16.server]!,
      this.#u16[half + U16.natAddress]!,
      this.#u16[half + U16.natPort]!,
      this.#u8[slot * RECORD_BYTES + U8.protocol]!,
    );
  }

  #hashInbound(
    words: Int32Array,
    offset: number,
    port: number,
    vip: number,
    protocol: number,
  ): number {
    const hash = this.#hash;
    const end = (port << 16) | vip;
    // The upper words of an IPv4 address are always the same.
    if (words[offset + 2] === 0xffff && words[offset] === 0 && words[offset + 1] === 0) {
      return hash.ofTwo(words[offset + 3]!, end, protocol);
    }
    hash.start();
    for (let i = 0; i < 4; i++) hash.add(words[offset + i]!);
    hash.add(end);
    hash.add(protocol);
    return hash.finish();
  }

  #hashOutbound(server: number, natAddress: number, natPort: number, protocol: number): number {
    return this.#hash.ofTwo((server << 16) | natAddress, natPort, OUTBOUND_DOMAIN | protocol);
  }
}
