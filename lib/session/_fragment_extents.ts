import type { Packet } from "../wire/packet.ts";
import { FRAGMENT } from "./fragment_verdict.ts";

const IPV6_HEADER_BYTES = 40;
const FRAGMENT_HEADER_BYTES = 8;
const MAXIMUM_BYTES = 0xffff;

/** Which part of its datagram's payload a fragment is; one reusable object. */
export class FragmentPart {
  startBytes = 0;
  endBytes = 0;
  isLast = false;
  /** What precedes the payload and counts for the length of the datagram. */
  precedingBytes = 0;

  read(packet: Packet): void {
    const start = packet.fragmentOffsetBytes;
    this.startBytes = start;
    this.isLast = !packet.moreFragments;
    if (packet.family === 4) {
      this.endBytes = start + packet.l4Bytes;
      this.precedingBytes = packet.ipHeaderBytes;
    } else {
      // Extension headers behind the fragment header are payload in the sense of fragmentation.
      const end = packet.ipOffset + packet.totalBytes;
      this.endBytes = start + end - packet.fragmentHeaderOffset - FRAGMENT_HEADER_BYTES;
      this.precedingBytes = packet.fragmentHeaderOffset - packet.ipOffset - IPV6_HEADER_BYTES;
    }
  }
}

/**
 * The parts of each datagram that have come, in the order of their offsets. They never overlap, so
 * the sum of their lengths tells when a datagram is complete.
 */
export class FragmentExtents {
  readonly #limit: number;
  readonly #count: Uint16Array;
  readonly #starts: Uint16Array;
  readonly #ends: Uint16Array;
  readonly #coveredBytes: Int32Array;
  /** Where the last fragment ends; 0 before it has come. */
  readonly #totalBytes: Int32Array;
  /** Of the first fragment; 0 before it has come. */
  readonly #precedingBytes: Int32Array;

  /** @param limit parts that one datagram may have */
  constructor(trains: number, limit: number) {
    this.#limit = limit;
    this.#count = new Uint16Array(trains + 1);
    this.#starts = new Uint16Array((trains + 1) * limit);
    this.#ends = new Uint16Array((trains + 1) * limit);
    this.#coveredBytes = new Int32Array(trains + 1);
    this.#totalBytes = new Int32Array(trains + 1);
    this.#precedingBytes = new Int32Array(trains + 1);
  }

  clear(train: number): void {
    this.#count[train] = 0;
    this.#coveredBytes[train] = 0;
    this.#totalBytes[train] = 0;
    this.#precedingBytes[train] = 0;
  }

  complete(train: number): boolean {
    const total = this.#totalBytes[train]!;
    return total !== 0 && this.#coveredBytes[train] === total;
  }

  /** Where a part belongs, to be given to `insert`; or a verdict (negative), and nothing changes. */
  check(train: number, part: FragmentPart): number {
    const count = this.#count[train]!;
    const base = train * this.#limit;
    const { startBytes: start, endBytes: end, isLast } = part;
    const total = this.#totalBytes[train]!;
    // Fragments mostly come in order, so the place is looked for from the end.
    let at = count;
    while (at > 0 && this.#starts[base + at - 1]! > start) at--;
    if (at > 0) {
      const before = base + at - 1;
      const endBefore = this.#ends[before]!;
      if (this.#starts[before] === start && endBefore === end && isLast === (end === total)) {
        return FRAGMENT.duplicate;
      }
      if (endBefore > start) return FRAGMENT.overlap;
    }
    if (at < count && this.#starts[base + at]! < end) return FRAGMENT.overlap;
    const highest = at < count ? this.#ends[base + count - 1]! : end;
    if (total !== 0 ? isLast || highest > total : isLast && highest > end) return FRAGMENT.pastEnd;
    const preceding = start === 0 ? part.precedingBytes : this.#precedingBytes[train]!;
    if (preceding + highest > MAXIMUM_BYTES) return FRAGMENT.tooLong;
    return count < this.#limit ? at : FRAGMENT.tooMany;
  }

  /** Takes a part in at the place that `check` has told. */
  insert(train: number, at: number, part: FragmentPart): void {
    const count = this.#count[train]!;
    const base = train * this.#limit;
    for (let i = base + count; i > base + at; i--) {
      this.#starts[i] = this.#starts[i - 1]!;
      this.#ends[i] = this.#ends[i - 1]!;
    }
    this.#starts[base + at] = part.startBytes;
    this.#ends[base + at] = part.endBytes;
    this.#count[train] = count + 1;
    this.#coveredBytes[train] = this.#coveredBytes[train]! + part.endBytes - part.startBytes;
    if (part.isLast) this.#totalBytes[train] = part.endBytes;
    if (part.startBytes === 0) this.#precedingBytes[train] = part.precedingBytes;
  }
}
