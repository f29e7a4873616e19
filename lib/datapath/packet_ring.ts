/** Bytes of packets that wait in a ring at most; a power of two, and more than ten of the largest. */
const CAPACITY = 1 << 20;
const MASK = CAPACITY - 1;
const HEADER_BYTES = 64;
/** In the place of a length: what follows is at the beginning again. */
const WRAPPED = -1;
/** Bits of a length; the number of a link stands above them. */
const LENGTH_BITS = 24;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

/**
 * Packets on their way from one packet worker to another: one writer, one reader, bounded, no lock. A
 * record is a word with its length and the link that it came by, and as many bytes; it begins at a
 * multiple of 4.
 */
export class PacketRing {
  readonly buffer: SharedArrayBuffer;
  /** Bytes written and read since the beginning; both wrap at 2^32. */
  readonly #ends: Int32Array;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  /** The number of the link that the packet taken last came by. */
  link = 0;

  /** @param buffer of the other end; absent: a new ring */
  constructor(buffer = new SharedArrayBuffer(HEADER_BYTES + CAPACITY)) {
    this.buffer = buffer;
    this.#ends = new Int32Array(buffer, 0, 2);
    this.#words = new Int32Array(buffer, HEADER_BYTES);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  get empty(): boolean {
    return Atomics.load(this.#ends, 0) === Atomics.load(this.#ends, 1);
  }

  /** Copies a packet into the ring, with a number below 128; false when there is no room. */
  push(from: Uint8Array, offset: number, lengthBytes: number, link: number): boolean {
    const needed = 4 + ((lengthBytes + 3) & ~3);
    let head = Atomics.load(this.#ends, 0);
    const free = CAPACITY - ((head - Atomics.load(this.#ends, 1)) | 0);
    const untilEnd = CAPACITY - (head & MASK);
    const skipped = needed > untilEnd ? untilEnd : 0;
    if (needed + skipped > free) return false;
    if (skipped > 0) {
      this.#words[(head & MASK) >> 2] = WRAPPED;
      head = (head + skipped) | 0;
    }
    const at = head & MASK;
    this.#words[at >> 2] = lengthBytes | link << LENGTH_BITS;
    this.#bytes.set(from.subarray(offset, offset + lengthBytes), at + 4);
    Atomics.store(this.#ends, 0, (head + needed) | 0);
    return true;
  }

  /** Copies the oldest packet to `to`, which has room for the largest; its length, 0 when there is none. */
  shift(to: Uint8Array, offset: number): number {
    let tail = Atomics.load(this.#ends, 1);
    if (tail === Atomics.load(this.#ends, 0)) return 0;
    if (this.#words[(tail & MASK) >> 2] === WRAPPED) tail = (tail + CAPACITY - (tail & MASK)) | 0;
    const at = tail & MASK;
    const word = this.#words[at >> 2]!;
    const lengthBytes = word & LENGTH_MASK;
    this.link = word >>> LENGTH_BITS;
    to.set(this.#bytes.subarray(at + 4, at + 4 + lengthBytes), offset);
    Atomics.store(this.#ends, 1, (tail + 4 + ((lengthBytes + 3) & ~3)) | 0);
    return lengthBytes;
  }
}
