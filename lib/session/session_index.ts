import { FLAG, RECORD_BYTES, U16, U8 } from "./layout.ts";
import { KeyedHash } from "./hash.ts";
import type { SessionRecords } from "./session_records.ts";

const WORDS = RECORD_BYTES / 4;
const HALVES = RECORD_BYTES / 2;

/** An index entry: slot in bits 0-23, direction in bit 24, a tag of the hash in bits 25-31. */
const SLOT_MASK = 0xffffff;
const OUTBOUND_BIT = 0x1000000;
const TAG_MASK = 0xfe000000 | 0;
/** The tag is the hash's lowest bits; where an entry belongs is said by the ones above. */
const TAG_SHIFT = 25;
/** Places for each session, two of which it takes: a third stays free for the probes to end at. */
const PLACES = 3;
const FEWEST_PLACES = 1024;
/** Sets the hashes of outbound keys apart; the protocol is below. */
const OUTBOUND_DOMAIN = 256;

/** How many lookups can be made ready at once. */
export const FORESEEN = 64;
/** Below so many sessions the index and the records that are in use stay in the processor's caches. */
const CACHED_SESSIONS = 4096;

/**
 * Finds the records of a table from either direction with one probe sequence: open addressing,
 * linear probing with backward shift, load at most two thirds, hashed with a secret key.
 */
export class SessionIndex {
  readonly #u8: Uint8Array;
  readonly #u16: Uint16Array;
  readonly #i32: Int32Array;
  readonly #records: SessionRecords;
  readonly #entries: Int32Array;
  readonly #places: number;
  /** Places for each value that a hash can have. */
  readonly #scale: number;
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
    this.#places = this.#entries.length;
    this.#scale = this.#places / 2 ** 32;
    this.#hash = new KeyedHash(key[0], key[1]);
  }

  /** Bytes of memory for a table of so many sessions. */
  static bytes(capacity: number): number {
    return Math.max(FEWEST_PLACES, capacity * PLACES) * 4;
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
    const tag = hash << TAG_SHIFT;
    let at = this.#home(hash);
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
      at = this.#after(at);
    }
  }

  /** The session that a server (a dictionary entry) answers at a NAT endpoint, or 0. */
  findOutbound(server: number, natAddress: number, natPort: number, protocol: number): number {
    const hash = this.#hashOutbound(server, natAddress, natPort, protocol);
    const tag = hash << TAG_SHIFT | OUTBOUND_BIT;
    let at = this.#home(hash);
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
      at = this.#after(at);
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
    const hashes = this.#hashes, entries = this.#entries;
    for (let i = 0; i < count; i++) {
      hashes[2 * i] = this.#inboundHashOf(slots[i]!);
      hashes[2 * i + 1] = this.#outboundHashOf(slots[i]!);
    }
    let sink = 0;
    for (let i = 0; i < 2 * count; i++) sink += entries[this.#home(hashes[i]!)]!;
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
    if (this.#foreseenCount < FORESEEN) this.#foreseen[this.#foreseenCount++] = this.#home(hash);
  }

  #put(hash: number, entry: number): void {
    let at = this.#home(hash);
    while (this.#entries[at] !== 0) at = this.#after(at);
    this.#entries[at] = entry | hash << TAG_SHIFT;
  }

  #remove(hash: number, entry: number): void {
    const value = entry | hash << TAG_SHIFT;
    let hole = this.#home(hash);
    while (this.#entries[hole] !== value) {
      if (this.#entries[hole] === 0) return;
      hole = this.#after(hole);
    }
    // Backward shift: whatever could not be found past the hole moves into it.
    let at = hole;
    for (;;) {
      at = this.#after(at);
      const next = this.#entries[at]!;
      if (next === 0) break;
      const slot = next & SLOT_MASK;
      const home = this.#home(
        (next & OUTBOUND_BIT) !== 0 ? this.#outboundHashOf(slot) : this.#inboundHashOf(slot),
      );
      if (this.#distance(home, at) >= this.#distance(hole, at)) {
        this.#entries[hole] = next;
        hole = at;
      }
    }
    this.#entries[hole] = 0;
  }

  /** Where an entry of this hash belongs. */
  #home(hash: number): number {
    return ((hash >>> 0) * this.#scale) | 0;
  }

  #after(place: number): number {
    return place + 1 === this.#places ? 0 : place + 1;
  }

  /** How many places after `from` another one is. */
  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#places;
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
