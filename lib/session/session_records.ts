import {
  BASE_BYTES,
  basesOffset,
  DICTIONARY_ENTRIES,
  DICTIONARY_ENTRY_BYTES,
  DIRECT,
  F32,
  F64,
  HEADER,
  HEADER_BYTES,
  HEADER_F64,
  I32,
  LAYOUT_VERSION,
  MAGIC,
  MAXIMUM_CAPACITY,
  MOST_WORKERS,
  RECORD_BYTES,
  recordsOffset,
  regionBytes,
  SUM_BYTES,
  sumsOffset,
} from "./layout.ts";

const WORDS = RECORD_BYTES / 4;
const HALVES = RECORD_BYTES / 2;
const DOUBLES = RECORD_BYTES / 8;
const SUM_DOUBLES = SUM_BYTES / 8;
const BASE_WORDS = BASE_BYTES / 4;
/** The word of a base that has what is above the low words. */
const HIGH = 2;
const MOST_HIGH = 0xffff;

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
  readonly #sums: Float64Array;
  readonly #bases: Uint32Array;
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
    this.#sums = new Float64Array(region, sumsOffset(this.capacity), records * SUM_DOUBLES);
    this.#bases = new Uint32Array(region, basesOffset(this.capacity), records * BASE_WORDS);
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
  /** Greater than the ids of all sessions that stand here. */
  get nextId(): number {
    let next = this.headerF64[HEADER_F64.nextId]!;
    for (let worker = 1; worker < MOST_WORKERS; worker++) {
      const other = this.headerF64[HEADER_F64.nextIds + worker - 1]!;
      // Of a damaged file no number is believed that could not be counted on.
      if (other > next && Number.isSafeInteger(other)) next = other;
    }
    return next;
  }
  /** Does the session in this slot belong to whoever looks? */
  owns(_slot: number): boolean {
    return true;
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
  /** What went directly: 0 as long as the session has had no instruction. */
  getDirect(slot: number, field: number): number {
    if (this.i32[slot * WORDS + I32.generation] === 0) return 0;
    return this.#sums[slot * SUM_DOUBLES + field]!;
  }
  setDirect(slot: number, field: number, value: number): void {
    this.#sums[slot * SUM_DOUBLES + field] = value;
  }
  /** The same before the newest instruction's generation, from which its agent counts. */
  getBase(slot: number, field: number): number {
    if (this.i32[slot * WORDS + I32.generation] === 0) return 0;
    const at = slot * BASE_WORDS;
    const high = this.#bases[at + HIGH]!;
    const above = field === DIRECT.packets ? high >>> 16 : high & MOST_HIGH;
    return above * 2 ** 32 + this.#bases[at + field]!;
  }
  setBase(slot: number, packets: number, bytes: number): void {
    const at = slot * BASE_WORDS;
    this.#bases[at + DIRECT.packets] = packets;
    this.#bases[at + DIRECT.bytes] = bytes;
    this.#bases[at + HIGH] = highOf(packets) << 16 | highOf(bytes);
  }
  /** The session gets an instruction, from 1 on; what is counted from now on comes on top. */
  setGeneration(slot: number, generation: number): void {
    const at = slot * SUM_DOUBLES;
    // What another session left in this place means nothing.
    if (this.i32[slot * WORDS + I32.generation] === 0) this.#sums.fill(0, at, at + SUM_DOUBLES);
    this.setBase(slot, this.#sums[at + DIRECT.packets]!, this.#sums[at + DIRECT.bytes]!);
    this.i32[slot * WORDS + I32.generation] = generation;
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

/** Bits 32 to 47 of a count. */
function highOf(count: number): number {
  return Math.floor(count / 2 ** 32) & MOST_HIGH;
}

/** What counts from 1, and can be counted on. */
export function isCount(value: number): boolean {
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
