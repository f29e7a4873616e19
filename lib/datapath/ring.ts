/**
 * A queue between two threads: one writer, one reader, fixed records of four numbers in shared
 * memory, no lock. The writer learns whether the reader may be asleep, so that a busy reader is
 * not rung for every record.
 */
export class Ring {
  static readonly FIELDS = 4;
  readonly buffer: SharedArrayBuffer;
  /** [0] records written, [1] records read; both wrap at 2^32. */
  readonly #ends: Int32Array;
  readonly #records: Float64Array;
  readonly #mask: number;

  /** A ring of `capacity` records (a power of two), or the other end of one that exists. */
  constructor(of: number | SharedArrayBuffer) {
    this.buffer = typeof of === "number" ? new SharedArrayBuffer(64 + of * Ring.FIELDS * 8) : of;
    this.#ends = new Int32Array(this.buffer, 0, 2);
    this.#records = new Float64Array(this.buffer, 64);
    const capacity = this.#records.length / Ring.FIELDS;
    if ((capacity & (capacity - 1)) !== 0) {
      throw new RangeError(`Cannot make a ring of ${capacity} records: not a power of two`);
    }
    this.#mask = capacity - 1;
  }

  /**
   * Writes a record. Returns 0 when the ring is full (nothing written), 1 when written, 2 when
   * written and the reader had read everything before: it may be asleep, ring its bell.
   */
  push(a: number, b: number, c: number, d: number): 0 | 1 | 2 {
    const head = Atomics.load(this.#ends, 0);
    if (((head - Atomics.load(this.#ends, 1)) | 0) > this.#mask) return 0;
    const at = (head & this.#mask) * Ring.FIELDS;
    this.#records[at] = a;
    this.#records[at + 1] = b;
    this.#records[at + 2] = c;
    this.#records[at + 3] = d;
    Atomics.store(this.#ends, 0, (head + 1) | 0);
    // Read after the store: a reader that missed the record must see its own end equal to ours.
    return Atomics.load(this.#ends, 1) === head ? 2 : 1;
  }

  get empty(): boolean {
    return Atomics.load(this.#ends, 0) === Atomics.load(this.#ends, 1);
  }

  /**
   * Hands records to `take`, also those that arrive meanwhile.
   * @param most how many; the writer may be as fast as the reader, for long. Default: all
   */
  drain(take: (a: number, b: number, c: number, d: number) => void, most = Infinity): void {
    let tail = Atomics.load(this.#ends, 1);
    for (let n = 0; n < most && tail !== Atomics.load(this.#ends, 0); n++) {
      const at = (tail & this.#mask) * Ring.FIELDS;
      const a = this.#records[at]!;
      const b = this.#records[at + 1]!;
      const c = this.#records[at + 2]!;
      const d = this.#records[at + 3]!;
      tail = (tail + 1) | 0;
      Atomics.store(this.#ends, 1, tail);
      take(a, b, c, d);
    }
  }
}
