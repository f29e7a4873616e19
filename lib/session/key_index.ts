/**
 * A fixed number of entries, found by keys of a few 32-bit words: a chained hash index. Chains hold
 * one entry on average, and nothing is allocated after construction. The caller computes the hash
 * of a key, with a secret (`hash.ts`) when senders choose the keys.
 *
 * Entries count from 1: entry 0 means "none".
 */
export class KeyIndex {
  readonly #width: number;
  readonly #keys: Int32Array;
  readonly #hashes: Int32Array;
  readonly #heads: Int32Array;
  readonly #mask: number;
  /** The next entry of a chain, or of the entries that are free. */
  readonly #next: Int32Array;
  #free: number;
  #used = 0;

  /** @param width words of a key */
  constructor(entries: number, width: number) {
    this.#width = width;
    this.#keys = new Int32Array((entries + 1) * width);
    this.#hashes = new Int32Array(entries + 1);
    let heads = 16;
    while (heads < entries) heads *= 2;
    this.#heads = new Int32Array(heads);
    this.#mask = heads - 1;
    this.#next = new Int32Array(entries + 1);
    for (let entry = 1; entry < entries; entry++) this.#next[entry] = entry + 1;
    this.#free = 1;
  }

  get used(): number {
    return this.#used;
  }

  get full(): boolean {
    return this.#free === 0;
  }

  /** The entry of a key, or 0. */
  find(key: Int32Array, hash: number): number {
    let entry = this.#heads[hash & this.#mask]!;
    while (entry !== 0 && !(this.#hashes[entry] === hash && this.#has(entry, key))) {
      entry = this.#next[entry]!;
    }
    return entry;
  }

  /** Makes an entry for a key that has none; 0 when all are in use. */
  insert(key: Int32Array, hash: number): number {
    const entry = this.#free;
    if (entry === 0) return 0;
    this.#free = this.#next[entry]!;
    this.#used++;
    const at = entry * this.#width;
    for (let i = 0; i < this.#width; i++) this.#keys[at + i] = key[i]!;
    this.#hashes[entry] = hash;
    this.#next[entry] = this.#heads[hash & this.#mask]!;
    this.#heads[hash & this.#mask] = entry;
    return entry;
  }

  remove(entry: number): void {
    const head = this.#hashes[entry]! & this.#mask;
    const next = this.#next[entry]!;
    let at = this.#heads[head]!;
    if (at === entry) this.#heads[head] = next;
    else {
      while (this.#next[at] !== entry) at = this.#next[at]!;
      this.#next[at] = next;
    }
    this.#next[entry] = this.#free;
    this.#free = entry;
    this.#used--;
  }

  #has(entry: number, key: Int32Array): boolean {
    const at = entry * this.#width;
    for (let i = 0; i < this.#width; i++) {
      if (this.#keys[at + i] !== key[i]) return false;
    }
    return true;
  }
}
