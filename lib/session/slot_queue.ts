/**
 * Slots in the order in which they came, any of which may leave: a doubly linked list in two
 * arrays, nothing allocated after construction. Slot 0 is none.
 */
export class SlotQueue {
  /** Neighbours of each slot; place 0 holds the newest and the oldest, so there are no special ends. */
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  readonly #inside: Uint8Array;
  #size = 0;

  constructor(slots: number) {
    this.#newer = new Int32Array(slots);
    this.#older = new Int32Array(slots);
    this.#inside = new Uint8Array(slots);
  }

  get size(): number {
    return this.#size;
  }

  /** The slot that has been here longest, or 0. */
  get oldest(): number {
    return this.#newer[0]!;
  }

  /** The slot that came after this one, or 0. */
  after(slot: number): number {
    return this.#newer[slot]!;
  }

  /** Adds a slot as the newest; one that is here already stays where it is. */
  add(slot: number): void {
    if (this.#inside[slot] === 1) return;
    this.#inside[slot] = 1;
    this.#size++;
    const newest = this.#older[0]!;
    this.#newer[newest] = slot;
    this.#older[slot] = newest;
    this.#newer[slot] = 0;
    this.#older[0] = slot;
  }

  /** Takes a slot out; does nothing when it is not here. */
  remove(slot: number): void {
    if (this.#inside[slot] === 0) return;
    this.#inside[slot] = 0;
    this.#size--;
    const newer = this.#newer[slot]!;
    const older = this.#older[slot]!;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }
}
