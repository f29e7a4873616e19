import { EndpointDictionary } from "./endpoint_dictionary.ts";
import {
  BLOCK_SLOTS,
  DICTIONARY_ENTRIES,
  F64,
  FLAG,
  HEADER,
  HEADER_F64,
  HOLD_NONE,
  RECORD_BYTES,
  U16,
  U8,
} from "./layout.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { FORESEEN, SessionIndex } from "./session_index.ts";
import { isCount, SessionRecords } from "./session_records.ts";
import { STATE_NAMES } from "./tcp_state.ts";

const WORDS = RECORD_BYTES / 4;
const HALVES = RECORD_BYTES / 2;
const DOUBLES = RECORD_BYTES / 8;

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

/** Which part of a table a packet worker has. */
export interface TablePart {
  readonly worker: number;
  readonly workers: number;
}

/** What stood in a table when it was taken over. */
export interface FoundSessions {
  /** By dictionary entry: 1 for each that is the VIP of a session, whichever part has it. */
  readonly vips: Uint8Array;
  /** By dictionary entry: 1 for each that is the NAT address of a session. */
  readonly natAddresses: Uint8Array;
  /** Slots of this part's sessions that are held for an instruction, or for the decision about one. */
  readonly held: readonly number[];
}

/**
 * The session table as its writer sees it, or one of its writers: records plus an index that finds a session from
 * either direction. The index lives outside the region and is made anew from the records when a
 * process takes the table over, so that a process killed in the middle of a change leaves nothing
 * inconsistent behind: a record counts as soon as its state is set, which happens last, and no
 * longer once it is cleared, which happens first.
 *
 * Of several packet workers each has the sessions whose NAT port, divided by their number, leaves its
 * own, wherever these stand. Slots that are free when the table is taken over are its by blocks, and one
 * that it had and let go of stays its: no slot is ever two workers', however many there were before.
 */
export class SessionTable extends SessionRecords {
  readonly #index: SessionIndex;
  readonly #endpoints: EndpointDictionary;
  /**
   * Slots that were used and are free. Not in the region: a process that comes to nothing while it takes
   * the table over must leave it as it is for the one that goes on.
   */
  readonly #free: Int32Array;
  #freeCount = 0;
  readonly #part: TablePart;
  /** The next slot that has never been used. */
  #fresh: number;
  #nextId: number;
  readonly found: FoundSessions;

  /**
   * Takes over the records of `region` and indexes them. No worker may begin sessions before all have.
   * @param key two random words: the secret of the index's hash
   * @param indexMemory so many zeros for the index, which is used at random; default: its own
   * @param part default: all of it
   */
  constructor(
    region: ArrayBufferLike,
    key: readonly [number, number],
    indexMemory?: (bytes: number) => ArrayBufferLike,
    part: TablePart = { worker: 0, workers: 1 },
  ) {
    super(region);
    this.#part = part;
    this.#nextId = super.nextId + part.worker;
    this.#fresh = this.#freshFrom(this.highWater + 1);
    this.#index = new SessionIndex(
      this,
      key,
      indexMemory?.(SessionIndex.bytes(this.capacity)),
    );
    this.#endpoints = new EndpointDictionary(this);
    this.#free = new Int32Array(this.capacity);
    this.found = this.#adopt();
  }

  /** The dictionary entry of an endpoint (an address alone: port 0), or 0. */
  findEndpoint(words: Int32Array, offset: number, port: number): number {
    return this.#endpoints.find(words, offset, port);
  }

  /** The dictionary entry of an endpoint, made when it is new; 0 when the dictionary is full. */
  internEndpoint(words: Int32Array, offset: number, port: number): number {
    return this.#endpoints.intern(words, offset, port);
  }

  /** The session of a client endpoint at a VIP (a dictionary entry), or 0. */
  findInbound(
    words: Int32Array,
    offset: number,
    clientPort: number,
    vip: number,
    protocol: number,
  ): number {
    return this.#index.findInbound(words, offset, clientPort, vip, protocol);
  }

  /** The session that a server (a dictionary entry) answers at a NAT endpoint, or 0. */
  findOutbound(server: number, natAddress: number, natPort: number, protocol: number): number {
    return this.#index.findOutbound(server, natAddress, natPort, protocol);
  }

  /** For lookups that come in batches; see {@linkcode SessionIndex.foreseeInbound}. */
  get index(): SessionIndex {
    return this.#index;
  }

  /** True when no further session fits. */
  get full(): boolean {
    return this.#freeCount === 0 && this.#fresh > this.capacity;
  }

  /** How many sessions fit into this part of the table, more or less. */
  get share(): number {
    return Math.ceil(this.capacity / this.#part.workers);
  }

  /** Greater than the ids of all sessions of this part. */
  override get nextId(): number {
    return this.#nextId;
  }

  /** Does the session in this slot, if there is one, belong to this part? */
  override owns(slot: number): boolean {
    return this.u16[slot * HALVES + U16.natPort]! % this.#part.workers === this.#part.worker;
  }

  /** Writes a session and finds it from both directions from now on; its slot, 0 when full. */
  insert(session: NewSession, nowMs: number): number {
    let slot: number;
    if (this.#freeCount > 0) slot = this.#free[--this.#freeCount]!;
    else if (this.#fresh <= this.capacity) {
      slot = this.#fresh;
      this.#fresh = this.#freshFrom(slot + 1);
      this.#raiseHighWater(slot);
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
    const { worker, workers } = this.#part;
    const id = this.#nextId;
    this.#nextId = id + workers;
    this.headerF64[worker === 0 ? HEADER_F64.nextId : HEADER_F64.nextIds + worker - 1] =
      this.#nextId;
    this.f64[double + F64.id] = id;
    this.f64[double + F64.createdMs] = nowMs;
    this.f64[double + F64.lastSeenMs] = nowMs;
    const byte = slot * RECORD_BYTES;
    this.u8[byte + U8.protocol] = session.protocol;
    this.u8[byte + U8.flags] = FLAG.inbound | FLAG.outbound;
    this.u8[byte + U8.state] = session.state;
    this.#index.add(slot);
    this.#countUsed(1);
    return slot;
  }

  /** The client endpoint finds this session no more; its NAT endpoint stays taken. */
  detachInbound(slot: number): void {
    const at = slot * RECORD_BYTES + U8.flags;
    const flags = this.u8[at]!;
    if ((flags & FLAG.inbound) === 0) return;
    this.#index.removeInbound(slot);
    this.u8[at] = flags & ~FLAG.inbound;
  }

  /** Ends a session: nothing finds it, its slot may be used again. */
  release(slot: number): void {
    const byte = slot * RECORD_BYTES;
    this.detachInbound(slot);
    if ((this.u8[byte + U8.flags]! & FLAG.outbound) !== 0) this.#index.removeOutbound(slot);
    this.u8[byte + U8.state] = 0;
    this.u8[byte + U8.flags] = 0;
    this.#free[this.#freeCount++] = slot;
    this.#countUsed(-1);
  }

  #adopt(): FoundSessions {
    const vips = new Uint8Array(DICTIONARY_ENTRIES);
    const natAddresses = new Uint8Array(DICTIONARY_ENTRIES);
    const held: number[] = [];
    let used = 0;
    const chunk = new Int32Array(FORESEEN);
    let waiting = 0;
    // Downwards, so that low slots are used first again and the high water mark stays low.
    for (let slot = this.highWater; slot >= 1; slot--) {
      const byte = slot * RECORD_BYTES;
      if (this.u8[byte + U8.state] === 0) this.#keepFree(slot);
      else if (this.#isSound(slot)) {
        const half = slot * HALVES;
        vips[this.u16[half + U16.vip]!] = 1;
        natAddresses[this.u16[half + U16.natAddress]!] = 1;
        if (!this.owns(slot)) continue;
        used++;
        if (this.u8[byte + U8.hold] !== HOLD_NONE) held.push(slot);
        chunk[waiting++] = slot;
        if (waiting < FORESEEN) continue;
        this.#index.addAll(chunk, waiting);
        waiting = 0;
      } else if (this.#isMine(slot)) {
        this.u8[byte + U8.state] = 0;
        this.#keepFree(slot);
      }
    }
    this.#index.addAll(chunk, waiting);
    // The first worker begins to count anew, and is ready before the others begin.
    if (this.#part.worker === 0) this.header[HEADER.used] = used;
    else this.#countUsed(used);
    return { vips, natAddresses, held };
  }

  #countUsed(change: number): void {
    if (this.#part.workers > 1) Atomics.add(this.header, HEADER.used, change);
    else this.header[HEADER.used] = this.header[HEADER.used]! + change;
  }

  #raiseHighWater(slot: number): void {
    if (this.#part.workers > 1) raise(this.header, HEADER.highWater, slot);
    else this.header[HEADER.highWater] = slot;
  }

  /** Is this slot this part's as long as nobody has used it? */
  #isMine(slot: number): boolean {
    const { worker, workers } = this.#part;
    return Math.floor(slot / BLOCK_SLOTS) % workers === worker;
  }

  #keepFree(slot: number): void {
    if (this.#isMine(slot)) this.#free[this.#freeCount++] = slot;
  }

  /** The first slot of this part from `slot` on. */
  #freshFrom(slot: number): number {
    while (!this.#isMine(slot)) slot = (Math.floor(slot / BLOCK_SLOTS) + 1) * BLOCK_SLOTS;
    return slot;
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
    return isCount(this.getF64(slot, F64.id)) &&
      this.#isEndpoint(this.getU16(slot, U16.vip)) &&
      this.#isEndpoint(this.getU16(slot, U16.server)) &&
      this.#isEndpoint(this.getU16(slot, U16.natAddress)) &&
      this.dictionaryPort(this.getU16(slot, U16.natAddress)) === 0 &&
      isTime(this.getF64(slot, F64.createdMs)) && isTime(this.getF64(slot, F64.lastSeenMs)) &&
      isTime(this.getF64(slot, F64.agentSeenMs));
  }

  #isEndpoint(entry: number): boolean {
    return entry >= 1 && entry < this.header[HEADER.dictionaryUsed]!;
  }
}

/** Makes a number in shared memory at least this large. */
function raise(words: Int32Array, at: number, value: number): void {
  for (let seen = Atomics.load(words, at); seen < value;) {
    const before = Atomics.compareExchange(words, at, seen, value);
    if (before === seen) return;
    seen = before;
  }
}

function isTime(ms: number): boolean {
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER;
}
