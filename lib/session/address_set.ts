/**
 * A fixed set of addresses, asked by their words; allocates nothing when asked. The hash is not keyed:
 * what is in the set comes from a configuration, not from packets.
 */
export class AddressSet {
  readonly #words: Int32Array;
  readonly #taken: Uint8Array;
  readonly #mask: number;

  /** @param addresses 4 words each */
  constructor(addresses: readonly (readonly number[])[]) {
    let places = 16;
    while (places < addresses.length * 4) places *= 2;
    this.#words = new Int32Array(places * 4);
    this.#taken = new Uint8Array(places);
    this.#mask = places - 1;
    for (const address of addresses) {
      const words = Int32Array.from(address);
      if (this.has(words, 0)) continue;
      const place = this.#place(words, 0);
      this.#taken[place] = 1;
      this.#words.set(words, place * 4);
    }
  }

  /** Is the address at this offset (4 words) one of the set? */
  has(words: Int32Array, offset: number): boolean {
    return this.#taken[this.#place(words, offset)] === 1;
  }

  /** Where the address is, or the free place where it would be. */
  #place(words: Int32Array, offset: number): number {
    let hash = Math.imul(words[offset]! ^ (words[offset + 1]! << 7), 0x9e3779b1);
    hash = Math.imul(hash ^ words[offset + 2]!, 0x85ebca6b);
    hash = Math.imul(hash ^ words[offset + 3]!, 0xc2b2ae35);
    let place = (hash ^ (hash >>> 15)) & this.#mask;
    while (this.#taken[place] === 1 && !this.#same(place * 4, words, offset)) {
      place = (place + 1) & this.#mask;
    }
    return place;
  }

  #same(at: number, words: Int32Array, offset: number): boolean {
    return this.#words[at + 3] === words[offset + 3] && this.#words[at + 2] === words[offset + 2] &&
      this.#words[at + 1] === words[offset + 1] && this.#words[at] === words[offset];
  }
}
