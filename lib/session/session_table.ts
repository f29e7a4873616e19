import {
  DICTIONARY_ENTRIES,
  DICTIONARY_ENTRY_BYTES,
  F32,
  F64,
  FLAG,
  HEADER,
  HEADER_BYTES,
  HEADER_F64,
  LAYOUT_VERSION,
  MAGIC,
  MAXIMUM_CAPACITY,
  RECORD_BYTES,
  recordsOffset,
  regionBytes,
  U16,
  U8,
} from "./layout.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { KeyedHash } from "./hash.ts";
import { STATE_NAMES } from "./tcp_state.ts";

const WORDS = RECORD_BYTES / 4;
const HALVES = RECORD_BYTES / 2;
const DOUBLES = RECORD_BYTES / 8;

/** An index entry: slot in bits 0-22, direction in bit 23, a tag of the hash in bits 24-31. */
const SLOT_MASK = 0x7fffff;
const OUTBOUND_BIT = 0x800000;
const TAG_MASK = 0xff000000 | 0;

/**
 * Typed views of a region (see layout.ts) with one method per thing a reader or a writer asks of a
 * record. Holds no state of its own: any number of these may look at the same memory.
 */
export class SessionRecords {
  readonly capacity: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly header: Int32Array;
  readonly headerF64: Float64Array;
  /** The dictionary of endpoints, 8 words an entry: address, port, unused. */
  readonly dictionary: Int32Array;

  /** @throws {RangeError} when the region is not a session table of this version. */
  constructor(region: ArrayBufferLike) {
    const why = whyNotATable(region);
    if (why !== null) throw new RangeError(`Cannot use the session table: ${why}`);
    this.header = new Int32Array(region, 0, HEADER_BYTES / 4);
    this.headerF64 = new Float64Array(region, 0, HEADER_BYTES / 8);
    this.capacity = this.header[HEADER.capacity]!;
    this.dictionary = new Int32Array(
      region,
      HEADER_BYTES,
      DICTIONARY_ENTRIES * DICTIONARY_ENTRY_BYTES / 4,
    );
    const offset = recordsOffset();
    const records = this.capacity + 1;
    this.u8 = new Uint8Array(region, offset, records * RECORD_BYTES);
    this.u16 = new Uint16Array(region, offset, records * HALVES);
    this.i32 = new Int32Array(region, offset, records * WORDS);
    this.u32 = new Uint32Array(region, offset, records * WORDS);
    this.f32 = new Float32Array(region, offset, records * WORDS);
    this.f64 = new Float64Array(region, offset, records * DOUBLES);
  }

  get epoch(): number {
    return this.headerF64[HEADER_F64.epoch]!;
  }
  get highWater(): number {
    return this.header[HEADER.highWater]!;
  }
  get used(): number {
    return this.header[HEADER.used]!;
  }

  // One getter and one setter per width; the fields are the constants of layout.ts.
  getU8(slot: number, field: number): number {
    return this.u8[slot * RECORD_BYTES + field]!;
  }
  setU8(slot: number, field: number, value: number): void {
    this.u8[slot * RECORD_BYTES + field] = value;
  }
  getU16(slot: number, field: number): number {
    return this.u16[slot * HALVES + field]!;
  }
  setU16(slot: number, field: number, value: number): void {
    this.u16[slot * HALVES + field] = value;
  }
  getI32(slot: number, field: number): number {
    return this.i32[slot * WORDS + field]!;
  }
  setI32(slot: number, field: number, value: number): void {
    this.i32[slot * WORDS + field] = value;
  }
  getU32(slot: number, field: number): number {
    return this.u32[slot * WORDS + field]!;
  }
  getF64(slot: number, field: number): number {
    return this.f64[slot * DOUBLES + field]!;
  }
  setF64(slot: number, field: number, value: number): void {
    this.f64[slot * DOUBLES + field] = value;
  }
  addF64(slot: number, field: number, value: number): void {
    const at = slot * DOUBLES + field;
    this.f64[at] = this.f64[at]! + value;
  }
  getReasonValue(slot: number): number {
    return this.f32[slot * WORDS + F32.reasonValue]!;
  }
  setReasonValue(slot: number, value: number): void {
    this.f32[slot * WORDS + F32.reasonValue] = value;
  }

  /** The later of what passed here and what the agent reported; boot time in ms. */
  lastActivityMs(slot: number): number {
    const at = slot * DOUBLES;
    const here = this.f64[at + F64.lastSeenMs]!;
    const agent = this.f64[at + F64.agentSeenMs]!;
    return here > agent ? here : agent;
  }

  dictionaryPort(entry: number): number {
    return this.dictionary[entry * 8 + 4]!;
  }
}

/** Says why these bytes are not a session table that this version can use, or null. */
export function whyNotATable(region: ArrayBufferLike): string | null {
  if (region.byteLength < HEADER_BYTES) return "it is too short";
  const header = new Int32Array(region, 0, HEADER_BYTES / 4);
  if (header[HEADER.magic] !== MAGIC) return "it is not a session table";
  if (header[HEADER.version] !== LAYOUT_VERSION) {
    return `it has layout version ${header[HEADER.version]}, not ${LAYOUT_VERSION}`;
  }
  const capacity = header[HEADER.capacity]!;
  if (capacity < 1 || capacity > MAXIMUM_CAPACITY || header[HEADER.recordBytes] !== RECORD_BYTES) {
    return "its header is damaged";
  }
  if (region.byteLength < regionBytes(capacity)) return "it is cut short";
  if (header[HEADER.highWater]! < 0 || header[HEADER.highWater]! > capacity) {
    return "its header is damaged";
  }
  const endpoints = header[HEADER.dictionaryUsed]!;
  if (endpoints < 1 || endpoints > DICTIONARY_ENTRIES) return "its header is damaged";
  const numbers = new Float64Array(region, 0, HEADER_BYTES / 8);
  const counts = [HEADER_F64.epoch, HEADER_F64.nextId, HEADER_F64.generation];
  return counts.every((at) => isCount(numbers[at]!)) ? null : "its header is damaged";
}

/** What counts from 1, and can be counted on. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** Makes an empty table out of a zeroed region. `epoch` is a random number of this table. */
export function formatTable(
  region: ArrayBufferLike,
  capacity: number,
  options: { readonly epoch: number; readonly bootId: readonly number[] },
): void {
  if (capacity < 1 || capacity > MAXIMUM_CAPACITY || region.byteLength < regionBytes(capacity)) {
    throw new RangeError(`Cannot make a session table: ${capacity} sessions do not fit`);
  }
  const header = new Int32Array(region, 0, HEADER_BYTES / 4);
  const headerF64 = new Float64Array(region, 0, HEADER_BYTES / 8);
  header[HEADER.version] = LAYOUT_VERSION;
  header[HEADER.capacity] = capacity;
  header[HEADER.recordBytes] = RECORD_BYTES;
  header[HEADER.dictionaryUsed] = 1;
  for (let i = 0; i < 4; i++) header[HEADER.bootId + i] = options.bootId[i] ?? 0;
  headerF64[HEADER_F64.epoch] = options.epoch;
  headerF64[HEADER_F64.nextId] = 1;
  headerF64[HEADER_F64.generation] = 1;
  // Last, so that a table cut off while being made is not taken for one.
  header[HEADER.magic] = MAGIC;
}

/** What makes a session: its four endpoints, three of them as dictionary entries. */
export interface NewSession {
  /** Where the client's address words stand in `addresses`. */
  addresses: Int32Array;
  clientOffset: number;
  clientPort: number;
  vip: number;
  server: number;
  natAddress: number;
  natPort: number;
  protocol: number;
  state: number;
}

/**
 * The session table as its one writer sees it: records plus an index that finds a session from
 * either direction with one probe sequence. The index lives outside the region and is made anew
 * from the records when a process takes the table over, so that a process killed in the middle of
 * a change leaves nothing inconsistent behind: a record counts as soon as its state is set, which
 * happens last, and no longer once it is cleared, which happens first.
 *
 * Linear probing with backward shift, load at most one half, hashed with a secret key.
 */
export class SessionTable extends SessionRecords {
  readonly #index: Int32Array;
  readonly #mask: number;
  readonly #hash: KeyedHash;
  readonly #free: Int32Array;
  #freeCount = 0;
  readonly #names: Int32Array;
  readonly #namesMask: number;

  /**
   * Takes over the records of `region` and indexes them.
   * @param key two random words: the secret of the hash
   */
  constructor(region: ArrayBufferLike, key: readonly [number, number]) {
    super(region);
    let entries = 1024;
    while (entries < this.capacity * 4) entries *= 2;
    this.#index = new Int32Array(entries);
    this.#mask = entries - 1;
    this.#hash = new KeyedHash(key[0], key[1]);
    this.#free = new Int32Array(this.capacity);
    this.#names = new Int32Array(DICTIONARY_ENTRIES * 2);
    this.#namesMask = this.#names.length - 1;
    this.#adopt();
  }

  /** The dictionary entry of an endpoint (an address alone: port 0), or 0. */
  findEndpoint(words: Int32Array, offset: number, port: number): number {
    let at = this.#hashEndpoint(words, offset, port) & this.#namesMask;
    for (;;) {
      const entry = this.#names[at]!;
      if (entry === 0 || this.#sameEndpoint(entry, words, offset, port)) return entry;
      at = (at + 1) & this.#namesMask;
    }
  }

  /** The dictionary entry of an endpoint, made when it is new; 0 when the dictionary is full. */
  internEndpoint(words: Int32Array, offset: number, port: number): number {
    const known = this.findEndpoint(words, offset, port);
    if (known !== 0) return known;
    const entry = this.header[HEADER.dictionaryUsed]!;
    if (entry >= DICTIONARY_ENTRIES) return 0;
    const at = entry * 8;
    for (let i = 0; i < 4; i++) this.dictionary[at + i] = words[offset + i]!;
    this.dictionary[at + 4] = port;
    this.header[HEADER.dictionaryUsed] = entry + 1;
    this.#indexEndpoint(entry);
    return entry;
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
      const entry = this.#index[at]!;
      if (entry === 0) return 0;
      if ((entry & (TAG_MASK | OUTBOUND_BIT)) === tag) {
        const slot = entry & SLOT_MASK;
        const word = slot * WORDS;
        const half = slot * HALVES;
        if (
          this.u16[half + U16.clientPort] === clientPort && this.u16[half + U16.vip] === vip &&
          this.i32[word + 3] === words[offset + 3] && this.i32[word + 2] === words[offset + 2] &&
          this.i32[word + 1] === words[offset + 1] && this.i32[word] === words[offset] &&
          this.u8[slot * RECORD_BYTES + U8.protocol] === protocol
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
      const entry = this.#index[at]!;
      if (entry === 0) return 0;
      if ((entry & (TAG_MASK | OUTBOUND_BIT)) === tag) {
        const slot = entry & SLOT_MASK;
        const half = slot * HALVES;
        if (
          this.u16[half + U16.natPort] === natPort && this.u16[half + U16.server] === server &&
          this.u16[half + U16.natAddress] === natAddress &&
          this.u8[slot * RECORD_BYTES + U8.protocol] === protocol
        ) return slot;
      }
      at = (at + 1) & this.#mask;
    }
  }

  /** True when no further session fits. */
  get full(): boolean {
    return this.#freeCount === 0 && this.header[HEADER.highWater]! >= this.capacity;
  }

  /** Writes a session and finds it from both directions from now on; its slot, 0 when full. */
  insert(session: NewSession, nowMs: number): number {
    let slot: number;
    if (this.#freeCount > 0) slot = this.#free[--this.#freeCount]!;
    else if (this.header[HEADER.highWater]! < this.capacity) {
      slot = this.header[HEADER.highWater]! + 1;
      this.header[HEADER.highWater] = slot;
    } else return 0;
    this.u8.fill(0, slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES);
    const word = slot * WORDS;
    for (let i = 0; i < 4; i++) this.i32[word + i] = session.addresses[session.clientOffset + i]!;
    const half = slot * HALVES;
    this.u16[half + U16.clientPort] = session.clientPort;
    this.u16[half + U16.natPort] = session.natPort;
    this.u16[half + U16.vip] = session.vip;
    this.u16[half + U16.server] = session.server;
    this.u16[half + U16.natAddress] = session.natAddress;
    const double = slot * DOUBLES;
    const id = this.headerF64[HEADER_F64.nextId]!;
    this.headerF64[HEADER_F64.nextId] = id + 1;
    this.f64[double + F64.id] = id;
    this.f64[double + F64.createdMs] = nowMs;
    this.f64[double + F64.lastSeenMs] = nowMs;
    const byte = slot * RECORD_BYTES;
    this.u8[byte + U8.protocol] = session.protocol;
    this.u8[byte + U8.flags] = FLAG.inbound | FLAG.outbound;
    this.u8[byte + U8.state] = session.state;
    this.#add(this.#inboundHashOf(slot), slot);
    this.#add(this.#outboundHashOf(slot), slot | OUTBOUND_BIT);
    this.header[HEADER.used] = this.header[HEADER.used]! + 1;
    return slot;
  }

  /** The client endpoint finds this session no more; its NAT endpoint stays taken. */
  detachInbound(slot: number): void {
    const at = slot * RECORD_BYTES + U8.flags;
    const flags = this.u8[at]!;
    if ((flags & FLAG.inbound) === 0) return;
    this.#remove(this.#inboundHashOf(slot), slot);
    this.u8[at] = flags & ~FLAG.inbound;
  }

  /** Ends a session: nothing finds it, its slot may be used again. */
  release(slot: number): void {
    const byte = slot * RECORD_BYTES;
    this.detachInbound(slot);
    if ((this.u8[byte + U8.flags]! & FLAG.outbound) !== 0) {
      this.#remove(this.#outboundHashOf(slot), slot | OUTBOUND_BIT);
    }
    this.u8[byte + U8.state] = 0;
    this.u8[byte + U8.flags] = 0;
    this.#free[this.#freeCount++] = slot;
    this.header[HEADER.used] = this.header[HEADER.used]! - 1;
  }

  #adopt(): void {
    const endpoints = this.header[HEADER.dictionaryUsed]!;
    for (let entry = 1; entry < endpoints; entry++) this.#indexEndpoint(entry);
    let used = 0;
    // Downwards, so that low slots are used first again and the high water mark stays low.
    for (let slot = this.highWater; slot >= 1; slot--) {
      const byte = slot * RECORD_BYTES;
      if (this.u8[byte + U8.state] === 0 || !this.#isSound(slot)) {
        this.u8[byte + U8.state] = 0;
        this.#free[this.#freeCount++] = slot;
        continue;
      }
      used++;
      const flags = this.u8[byte + U8.flags]!;
      if ((flags & FLAG.inbound) !== 0) this.#add(this.#inboundHashOf(slot), slot);
      if ((flags & FLAG.outbound) !== 0) {
        this.#add(this.#outboundHashOf(slot), slot | OUTBOUND_BIT);
      }
    }
    this.header[HEADER.used] = used;
  }

  /**
   * Whether a record can be gone on with. One whose times are no times would never expire, one whose
   * endpoints are none would be translated to nowhere: damage to a file costs the sessions that it hit.
   */
  #isSound(slot: number): boolean {
    const protocol = this.getU8(slot, U8.protocol);
    if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return false;
    if (this.getU8(slot, U8.state) >= STATE_NAMES.length) return false;
    if ((this.getU8(slot, U8.flags) & FLAG.outbound) === 0) return false;
    if (this.getU16(slot, U16.clientPort) === 0 || this.getU16(slot, U16.natPort) === 0) {
      return false;
    }
    const endpoints = this.header[HEADER.dictionaryUsed]!;
    const isEndpoint = (entry: number) => entry >= 1 && entry < endpoints;
    const isTime = (ms: number) => ms >= 0 && ms <= Number.MAX_SAFE_INTEGER;
    return isCount(this.getF64(slot, F64.id)) &&
      isEndpoint(this.getU16(slot, U16.vip)) && isEndpoint(this.getU16(slot, U16.server)) &&
      isEndpoint(this.getU16(slot, U16.natAddress)) &&
      this.dictionaryPort(this.getU16(slot, U16.natAddress)) === 0 &&
      isTime(this.getF64(slot, F64.createdMs)) && isTime(this.getF64(slot, F64.lastSeenMs)) &&
      isTime(this.getF64(slot, F64.agentSeenMs));
  }

  #add(hash: number, entry: number): void {
    let at = hash & this.#mask;
    while (this.#index[at] !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = entry | (hash & TAG_MASK);
  }

  #remove(hash: number, entry: number): void {
    const value = entry | (hash & TAG_MASK);
    let hole = hash & this.#mask;
    while (this.#index[hole] !== value) {
      if (this.#index[hole] === 0) return;
      hole = (hole + 1) & this.#mask;
    }
    // Backward shift: whatever could not be found past the hole moves into it.
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const next = this.#index[at]!;
      if (next === 0) break;
      const slot = next & SLOT_MASK;
      const home =
        ((next & OUTBOUND_BIT) !== 0 ? this.#outboundHashOf(slot) : this.#inboundHashOf(slot)) &
        this.#mask;
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#index[hole] = next;
        hole = at;
      }
    }
    this.#index[hole] = 0;
  }

  #inboundHashOf(slot: number): number {
    const half = slot * HALVES;
    return this.#hashInbound(
      this.i32,
      slot * WORDS,
      this.u16[half + U16.clientPort]!,
      this.u16[half + U16.vip]!,
      this.u8[slot * RECORD_BYTES + U8.protocol]!,
    );
  }

  #outboundHashOf(slot: number): number {
    const half = slot * HALVES;
    return this.#hashOutbound(
      this.u16[half + U16.server]!,
      this.u16[half + U16.natAddress]!,
      this.u16[half + U16.natPort]!,
      this.u8[slot * RECORD_BYTES + U8.protocol]!,
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
    hash.start();
    // The upper words of an IPv4 address are always the same.
    if (words[offset + 2] !== 0xffff || words[offset] !== 0 || words[offset + 1] !== 0) {
      hash.add(words[offset]!);
      hash.add(words[offset + 1]!);
      hash.add(words[offset + 2]!);
    }
    hash.add(words[offset + 3]!);
    hash.add((port << 16) | vip);
    hash.add(protocol);
    return hash.finish();
  }

  #hashOutbound(server: number, natAddress: number, natPort: number, protocol: number): number {
    const hash = this.#hash;
    hash.start();
    hash.add((server << 16) | natAddress);
    hash.add((natPort << 16) | protocol);
    return hash.finish();
  }

  /** Not keyed: what stands in the dictionary comes from the configuration, not from packets. */
  #hashEndpoint(words: Int32Array, offset: number, port: number): number {
    let hash = Math.imul(words[offset]! ^ (words[offset + 1]! << 7), 0x9e3779b1);
    hash = Math.imul(hash ^ words[offset + 2]!, 0x85ebca6b);
    hash = Math.imul(hash ^ words[offset + 3]!, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15) ^ port, 0x27d4eb2f);
    return hash ^ (hash >>> 13);
  }

  #sameEndpoint(entry: number, words: Int32Array, offset: number, port: number): boolean {
    const at = entry * 8;
    return this.dictionary[at + 3] === words[offset + 3] && this.dictionary[at + 4] === port &&
      this.dictionary[at + 2] === words[offset + 2] &&
      this.dictionary[at + 1] === words[offset + 1] && this.dictionary[at] === words[offset];
  }

  #indexEndpoint(entry: number): void {
    const at = entry * 8;
    let place = this.#hashEndpoint(this.dictionary, at, this.dictionary[at + 4]!) &
      this.#namesMask;
    while (this.#names[place] !== 0) place = (place + 1) & this.#namesMask;
    this.#names[place] = entry;
  }
}
