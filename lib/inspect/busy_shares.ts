import type { Status, WorkerCounts } from "./answers.ts";

/** How busy the packets kept each of their threads between two looks, 0 to 1; empty: not known. */
export function busyShares(first: Status, later: Status, elapsedMs: number): number[] {
  const before = workersOf(first), now = workersOf(later);
  if (now.length !== before.length || elapsedMs <= 0) return [];
  return now.map(({ busyMs }, i) =>
    Math.min(1, Math.max(0, busyMs - before[i]!.busyMs) / elapsedMs)
  );
}

/** `12 %, 3 %`. */
export function sharesText(shares: readonly number[]): string {
  return shares.map((share) => `${Math.round(share * 100)} %`).join(", ");
}

function workersOf({ worker, workers }: Status): readonly WorkerCounts[] {
  return workers ?? (worker === undefined ? [] : [worker]);
}
