import { mapAnonymous, type Mapping } from "./memory.ts";

/** How packet memory is cut into slots. */
export interface SlotOptions {
  /** How many; default 64. */
  readonly slots?: number;
  /** The length of each, rounded up to a multiple of 8; default 66 KiB, a super-packet and room. */
  readonly slotBytes?: number;
  /** Memory to use instead of new pages, so that several batches can share one buffer. */
  readonly memory?: Mapping;
  /** Where in that memory the first slot starts, a multiple of 8; default 0. */
  readonly memoryOffset?: number;
}

/**
 * Packet memory in slots of one length, one after another in one mapping.
 *
 * Who fills a slot (a batch) says until when its contents stay; here it is only geometry.
 */
export class Slots implements Disposable {
  readonly mapping: Mapping;
  /** All of the mapping; offsets count from its start. */
  readonly buffer: ArrayBuffer;
  readonly count: number;
  readonly slotBytes: number;
  readonly #firstOffset: number;
  readonly #owned: boolean;

  constructor(options: SlotOptions = {}) {
    const { slots = 64, slotBytes = 66 * 1024, memory, memoryOffset = 0 } = options;
    this.count = slots;
    this.slotBytes = Math.ceil(slotBytes / 8) * 8;
    const neededBytes = memoryOffset + this.count * this.slotBytes;
    if (memoryOffset % 8 !== 0 || (memory && memory.lengthBytes < neededBytes)) {
      throw new RangeError(`Cannot place ${slots} slots at offset ${memoryOffset}`);
    }
    this.#owned = memory === undefined;
    this.mapping = memory ?? mapAnonymous(neededBytes);
    this.buffer = this.mapping.buffer;
    this.#firstOffset = memoryOffset;
  }

  /** Where slot `i` starts in the buffer; a multiple of 8. */
  offset(i: number): number {
    return this.#firstOffset + i * this.slotBytes;
  }

  /** Unmaps the memory, unless it was given. */
  [Symbol.dispose](): void {
    if (this.#owned) this.mapping[Symbol.dispose]();
  }
}
