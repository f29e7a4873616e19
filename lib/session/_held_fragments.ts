import { LinkedLists } from "./linked_lists.ts";

/**
 * The slots in which a caller keeps fragments: which are free, and which belong to which train, in
 * the order of their offsets. Slots count from 1 here.
 */
export class HeldFragments {
  /** By train, and by entry of its source. */
  readonly ofTrain: Uint16Array;
  readonly ofSource: Uint16Array;
  /** One list a train, and the three below. */
  readonly #slots: LinkedLists;
  readonly #free: number;
  /** Ready for `next`. */
  readonly #handed: number;
  /** Given by `next`: the caller may still be sending from them. */
  readonly #spent: number;
  readonly #startBytes: Uint16Array;
  #count = 0;
  #handedCount = 0;

  constructor(slots: number, trains: number) {
    this.ofTrain = new Uint16Array(trains + 1);
    this.ofSource = new Uint16Array(trains + 1);
    this.#free = trains + 1;
    this.#handed = trains + 2;
    this.#spent = trains + 3;
    this.#slots = new LinkedLists(trains + 4, slots);
    this.#startBytes = new Uint16Array(slots + 1);
    for (let slot = 1; slot <= slots; slot++) this.#slots.append(this.#free, slot);
  }

  /** Slots that belong to trains. */
  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#slots.first(this.#free) === 0;
  }

  /** Gives a train a free slot, for the fragment that starts there. */
  hold(train: number, source: number, startBytes: number): number {
    const slots = this.#slots;
    const slot = slots.first(this.#free);
    slots.remove(this.#free, slot);
    this.#startBytes[slot] = startBytes;
    let before = slots.last(train);
    while (before !== 0 && this.#startBytes[before]! > startBytes) before = slots.previous(before);
    slots.insertAfter(train, before, slot);
    this.ofTrain[train] = this.ofTrain[train]! + 1;
    this.ofSource[source] = this.ofSource[source]! + 1;
    this.#count++;
    return slot;
  }

  /** Frees what a train holds; how many slots that were. */
  release(train: number, source: number): number {
    return this.#take(train, source, this.#free);
  }

  /** Makes what a train holds ready for `next`. Nothing else is. */
  hand(train: number, source: number): void {
    this.#handedCount = this.#take(train, source, this.#handed);
  }

  /** The next slot of those handed out, or 0. It stays the caller's until `reclaim`. */
  next(): number {
    const slot = this.#slots.first(this.#handed);
    if (slot === 0) return 0;
    this.#slots.remove(this.#handed, slot);
    this.#slots.append(this.#spent, slot);
    this.#handedCount--;
    return slot;
  }

  /** Frees what was handed out and not fetched; how many slots that were. */
  forgetHanded(): number {
    const count = this.#handedCount;
    this.#handedCount = 0;
    this.#slots.moveAll(this.#handed, this.#free);
    return count;
  }

  /** Frees the slots that `next` gave. */
  reclaim(): void {
    this.#slots.moveAll(this.#spent, this.#free);
  }

  #take(train: number, source: number, list: number): number {
    const count = this.ofTrain[train]!;
    if (count === 0) return 0;
    this.#slots.moveAll(train, list);
    this.ofTrain[train] = 0;
    this.ofSource[source] = this.ofSource[source]! - count;
    this.#count -= count;
    return count;
  }
}
