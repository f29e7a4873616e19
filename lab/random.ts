/** Numbers from 0 to 1, 1 not included: the same for the same seed, everywhere. */
export type Random = () => number;

/** xorshift32 (Marsaglia 2003). */
export function seededRandom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
