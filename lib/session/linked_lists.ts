/**
 * Doubly linked lists of numbers: many lists, each item in one of them at most. Every call takes
 * constant time, and nothing is allocated after construction.
 *
 * Lists count from 0. Items count from 1: item 0 means "none", or the place before the first one.
 */
export class LinkedLists {
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(lists: number, items: number) {
    this.#first = new Int32Array(lists);
    this.#last = new Int32Array(lists);
    this.#next = new Int32Array(items + 1);
    this.#previous = new Int32Array(items + 1);
  }

  first(list: number): number {
    return this.#first[list]!;
  }

  last(list: number): number {
    return this.#last[list]!;
  }

  next(item: number): number {
    return this.#next[item]!;
  }

  previous(item: number): number {
    return this.#previous[item]!;
  }

  append(list: number, item: number): void {
    this.insertAfter(list, this.#last[list]!, item);
  }

  /** Puts an item that is in no list behind `place`, an item of this list or 0. */
  insertAfter(list: number, place: number, item: number): void {
    const next = place === 0 ? this.#first[list]! : this.#next[place]!;
    this.#previous[item] = place;
    this.#next[item] = next;
    if (place === 0) this.#first[list] = item;
    else this.#next[place] = item;
    if (next === 0) this.#last[list] = item;
    else this.#previous[next] = item;
  }

  /** Takes an item out of the list that it is in. */
  remove(list: number, item: number): void {
    const next = this.#next[item]!;
    const previous = this.#previous[item]!;
    if (previous === 0) this.#first[list] = next;
    else this.#next[previous] = next;
    if (next === 0) this.#last[list] = previous;
    else this.#previous[next] = previous;
  }

  /** Puts all items of one list, in their order, behind those of another. */
  moveAll(from: number, to: number): void {
    const first = this.#first[from]!;
    if (first === 0) return;
    const last = this.#last[to]!;
    if (last === 0) this.#first[to] = first;
    else this.#next[last] = first;
    this.#previous[first] = last;
    this.#last[to] = this.#last[from]!;
    this.#first[from] = 0;
    this.#last[from] = 0;
  }
}
