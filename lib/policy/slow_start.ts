/** A share of 0 would never be chosen. */
const LEAST_SHARE = 0.01;

/**
 * The part of its weight that a server gets: rising evenly to the whole.
 * @param startedMs when it came up; null: long ago
 */
export function slowStartShare(
  startedMs: number | null,
  nowMs: number,
  durationMs: number,
): number {
  if (startedMs === null || durationMs <= 0 || nowMs - startedMs >= durationMs) return 1;
  return Math.max(LEAST_SHARE, (nowMs - startedMs) / durationMs);
}

/**
 * Makes the largest share 1: servers that all start at the same time have nobody to spare.
 * @param weights those without weight are left as they are
 */
export function normalizeShares(shares: Float64Array, weights: ArrayLike<number>): void {
  let largest = 0;
  for (let i = 0; i < shares.length; i++) {
    if (weights[i]! > 0 && shares[i]! > largest) largest = shares[i]!;
  }
  if (largest === 0 || largest === 1) return;
  for (let i = 0; i < shares.length; i++) shares[i] = Math.min(1, shares[i]! / largest);
}
