const HEADER_BYTES = 64;
/** Words of the header: bytes written and read, both modulo 2^32. */
const WRITTEN = 0, READ = 1;
/** Float64s of the header. */
const TAKEN = 2, SKIPPED = 3, LOST = 4;

/** What a tap did with the packets that it saw. */
export interface CaptureCounts {
  /** In the ring. */
  readonly captured: number;
  /** The filter did not want them. */
  readonly filtered: number;
  /** The ring was full: whoever reads was too slow. */
  readonly lost: number;
}

export function makeCaptureRing(capacityBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + capacityBytes);
}

/**
 * Captured packets between two threads: one writer that never waits, one reader, records of any length.
 * What does not fit is not written. Nothing is allocated by the writer.
 */
export class CaptureRing {
  readonly #ends: Int32Array;
  readonly #counts: Float64Array;
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  readonly bytes: Uint8Array;
  readonly doubles: Float64Array;
  readonly #capacity: number;
  /** Bytes at the end of the ring that the record being written had no room in. */
  #unused = 0;

  /** @param buffer of `makeCaptureRing`, with a power of two as its capacity */
  constructor(buffer: SharedArrayBuffer) {
    this.#capacity = buffer.byteLength - HEADER_BYTES;
    if ((this.#capacity & (this.#capacity - 1)) !== 0) {
      throw new RangeError(`Cannot use a ring of ${this.#capacity} bytes: not a power of two`);
    }
    this.#ends = new Int32Array(buffer, 0, 2);
    this.#counts = new Float64Array(buffer, 0, HEADER_BYTES / 8);
    this.words = new Int32Array(buffer, HEADER_BYTES);
    this.halves = new Uint16Array(buffer, HEADER_BYTES);
    this.bytes = new Uint8Array(buffer, HEADER_BYTES);
    this.doubles = new Float64Array(buffer, HEADER_BYTES);
  }

  get counts(): CaptureCounts {
    const counts = this.#counts;
    return { captured: counts[TAKEN]!, filtered: counts[SKIPPED]!, lost: counts[LOST]! };
  }

  /** Where a record of so many bytes (a multiple of 8) may be written, not visible yet; -1: there is no room. */
  reserve(recordBytes: number): number {
    const written = this.#ends[WRITTEN]!;
    const free = this.#capacity - ((written - Atomics.load(this.#ends, READ)) >>> 0);
    const at = written & (this.#capacity - 1);
    const left = this.#capacity - at;
    // A record lies in one piece.
    this.#unused = left < recordBytes ? left : 0;
    if (free < this.#unused + recordBytes) return -1;
    return this.#unused === 0 ? at : 0;
  }

  /** Shows what was written to where `reserve` said last. */
  commit(recordBytes: number): void {
    const written = this.#ends[WRITTEN]!;
    if (this.#unused > 0) this.words[(written & (this.#capacity - 1)) >> 2] = 0;
    Atomics.store(this.#ends, WRITTEN, (written + this.#unused + recordBytes) | 0);
    this.#counts[TAKEN] = this.#counts[TAKEN]! + 1;
  }

  skipped(): void {
    this.#counts[SKIPPED] = this.#counts[SKIPPED]! + 1;
  }

  lost(): void {
    this.#counts[LOST] = this.#counts[LOST]! + 1;
  }

  /**
   * Takes whole records out of the ring, at most so many bytes unless the first one alone is longer;
   * empty when there are none. For the reader.
   */
  take(mostBytes: number): Uint8Array<ArrayBuffer> {
    const from = this.#ends[READ]!;
    const written = Atomics.load(this.#ends, WRITTEN);
    const pieces: { at: number; bytes: number }[] = [];
    let end = from;
    let total = 0;
    while (end !== written) {
      const at = end & (this.#capacity - 1);
      const recordBytes = this.words[at >> 2]!;
      if (recordBytes === 0) {
        end = (end + this.#capacity - at) | 0;
        continue;
      }
      if (total > 0 && total + recordBytes > mostBytes) break;
      const last = pieces.at(-1);
      if (last !== undefined && last.at + last.bytes === at) last.bytes += recordBytes;
      else pieces.push({ at, bytes: recordBytes });
      total += recordBytes;
      end = (end + recordBytes) | 0;
    }
    const taken = new Uint8Array(total);
    let to = 0;
    for (const { at, bytes } of pieces) {
      taken.set(this.bytes.subarray(at, at + bytes), to);
      to += bytes;
    }
    Atomics.store(this.#ends, READ, end);
    return taken;
  }
}
