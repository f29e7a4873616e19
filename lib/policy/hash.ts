/**
 * MurmurHash3 (x86, 32 bits) over words: quick and even, and the same on every machine, which a keyed hash with a random
 * key would not be. Not for tables that an attacker could fill.
 *
 * @module
 */

/** Takes one more word into a hash. */
export function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads what was mixed over all bits: 0 to 2^32 - 1. */
export function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Hash of an address: the four words at the start of `words`. Mix more into it, then `finish`. */
export function mixAddress(seed: number, words: Int32Array): number {
  return mix(mix(mix(mix(seed, words[0]!), words[1]!), words[2]!), words[3]!);
}

/** Hash of a text, one word a UTF-16 unit. */
export function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i));
  return finish(hash ^ text.length);
}
