import { ServerBoard } from "./server_board.ts";

/** Servers with these weights, all of them with their whole share. */
export function serversOf(weights: readonly number[], names = defaultNames(weights.length)) {
  return new ServerBoard(names.map((name, i) => ({ name, weight: weights[i]! })));
}

function defaultNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:8080`);
}

/** The address of client number `n`, in the four words that schedulers read. */
export function clientWords(n: number): Int32Array {
  return Int32Array.of(0, 0, 0xffff, 0xc633_6400 + n);
}

/** How many of `choices` went to each server. */
export function tally(choices: readonly number[], servers: number): number[] {
  const counts = new Array<number>(servers).fill(0);
  for (const choice of choices) counts[choice]!++;
  return counts;
}

/** Fails unless each count is its weight's share of all, give or take `tolerance` of that share. */
export function assertShares(
  counts: readonly number[],
  weights: readonly number[],
  tolerance: number,
): void {
  const total = counts.reduce((a, b) => a + b);
  const weight = weights.reduce((a, b) => a + b);
  counts.forEach((count, i) => {
    const share = total * weights[i]! / weight;
    if (Math.abs(count - share) > tolerance * share) {
      throw new Error(`server ${i}: ${count} instead of ${share.toFixed(0)}, of ${counts}`);
    }
  });
}
