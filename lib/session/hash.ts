/**
 * HalfSipHash-1-3 over 32-bit words: a keyed hash that a sender of chosen packets cannot steer into
 * one bucket, in 32-bit arithmetic alone (Aumasson and Bernstein, SipHash; the half variant is the
 * one the Linux kernel uses for its hash tables, include/linux/siphash.h).
 */
export class KeyedHash {
  #v0: number;
  #v1: number;
  #v2: number;
  #v3: number;
  #length = 0;
  readonly #k0: number;
  readonly #k1: number;

  /** Key: two random 32-bit words. */
  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
    this.#v0 =
      this.#v1 =
      this.#v2 =
      this.#v3 =
        0;
  }

  start(): void {
    this.#v0 = this.#k0;
    this.#v1 = this.#k1;
    this.#v2 = 0x6c796765 ^ this.#k0;
    this.#v3 = 0x74656462 ^ this.#k1;
    this.#length = 0;
  }

  add(word: number): void {
    this.#v3 ^= word;
    this.#round();
    this.#v0 ^= word;
    this.#length = (this.#length + 4) | 0;
  }

  /** The 32-bit hash of the words added since `start`. */
  finish(): number {
    this.add(this.#length << 24);
    this.#v2 ^= 0xff;
    this.#round();
    this.#round();
    this.#round();
    return this.#v1 ^ this.#v3;
  }

  /**
   * The same in one call for keys of two words, without the word that says their number: the
   * domain, a number below 2^16, keeps keys of different meanings apart.
   */
  ofTwo(first: number, second: number, domain: number): number {
    let v0 = this.#k0 ^ domain;
    let v1 = this.#k1;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    for (let step = 0; step < 5; step++) {
      const word = step === 0 ? first : step === 1 ? second : 0;
      if (step === 2) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }

  #round(): void {
    let v0 = this.#v0, v1 = this.#v1, v2 = this.#v2, v3 = this.#v3;
    v0 = (v0 + v1) | 0;
    v1 = (v1 << 5) | (v1 >>> 27);
    v1 ^= v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = (v3 << 8) | (v3 >>> 24);
    v3 ^= v2;
    v0 = (v0 + v3) | 0;
    v3 = (v3 << 7) | (v3 >>> 25);
    v3 ^= v0;
    v2 = (v2 + v1) | 0;
    v1 = (v1 << 13) | (v1 >>> 19);
    v1 ^= v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
