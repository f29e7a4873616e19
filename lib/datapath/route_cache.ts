import { KeyedHash } from "../session/hash.ts";
import { isMapped } from "../wire/address.ts";

/**
 * Next hops by address, as far as they are remembered: open addressing in typed arrays, so that
 * asking allocates nothing for either family. When it is full it forgets everything: addresses come
 * from packets, and a flood of them must not make it grow.
 */
export class RouteCache {
  readonly #words: Int32Array;
  /** Hop + 1; 0 is a free place. */
  readonly #hops: Int32Array;
  readonly #mask: number;
  readonly #capacity: number;
  readonly #hash: KeyedHash;
  #used = 0;

  /** @param key two random words: senders choose addresses */
  constructor(capacity: number, key: Int32Array = crypto.getRandomValues(new Int32Array(2))) {
    let places = 16;
    while (places < capacity * 2) places *= 2;
    this.#words = new Int32Array(places * 4);
    this.#hops = new Int32Array(places);
    this.#mask = places - 1;
    this.#capacity = capacity;
    this.#hash = new KeyedHash(key[0]!, key[1]!);
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#used;
  }

  /** The hop to the address of 4 words at `offset`, or -1 when it is not remembered. */
  get(words: Int32Array, offset: number): number {
    return this.#hops[this.#place(words, offset)]! - 1;
  }

  /** Remembers a hop, 0 (there is none) included. */
  set(words: Int32Array, offset: number, hop: number): void {
    if (this.#used >= this.#capacity) this.clear();
    const place = this.#place(words, offset);
    if (this.#hops[place] === 0) this.#used++;
    this.#hops[place] = hop + 1;
    for (let i = 0; i < 4; i++) this.#words[place * 4 + i] = words[offset + i]!;
  }

  clear(): void {
    this.#hops.fill(0);
    this.#used = 0;
  }

  /** Where the address is, or the free place where it would be. */
  #place(words: Int32Array, offset: number): number {
    const hash = this.#hash;
    hash.start();
    if (!isMapped(words[offset]!, words[offset + 1]!, words[offset + 2]!)) {
      hash.add(words[offset]!);
      hash.add(words[offset + 1]!);
      hash.add(words[offset + 2]!);
    }
    hash.add(words[offset + 3]!);
    let place = hash.finish() & this.#mask;
    while (this.#hops[place] !== 0 && !this.#is(place * 4, words, offset)) {
      place = (place + 1) & this.#mask;
    }
    return place;
  }

  #is(at: number, words: Int32Array, offset: number): boolean {
    const own = this.#words;
    return own[at + 3] === words[offset + 3] && own[at + 2] === words[offset + 2] &&
      own[at + 1] === words[offset + 1] && own[at] === words[offset];
  }
}
