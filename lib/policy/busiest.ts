/** One that has a place, or wants one. */
export interface Contender {
  readonly slot: number;
  /** Bytes a second, smoothed. */
  readonly rate: number;
}

/** How much busier one must be than the other whose place it takes: what is nearly equal stays. */
export const CLEARLY_BUSIER = 1.5;

/** The `most` first contenders of an order, the first first; looks at each once. */
function first(
  of: Iterable<Contender>,
  most: number,
  before: (a: Contender, b: Contender) => boolean,
): Contender[] {
  const kept: Contender[] = [];
  for (const one of of) {
    if (kept.length === most && (most === 0 || !before(one, kept[most - 1]!))) continue;
    let at = kept.length;
    while (at > 0 && before(one, kept[at - 1]!)) at--;
    kept.splice(at, 0, one);
    if (kept.length > most) kept.pop();
  }
  return kept;
}

/** The `most` least busy, the least busy first. */
export function leastBusy(of: Iterable<Contender>, most: number): Contender[] {
  return first(of, most, (a, b) => a.rate < b.rate);
}

/** The `most` busiest, the busiest first. */
export function busiest(of: Iterable<Contender>, most: number): Contender[] {
  return first(of, most, (a, b) => a.rate > b.rate);
}

/**
 * Who of those that have a place gives it to whom of those that wait: the least busy to the busiest,
 * as long as that one is clearly busier.
 */
export function exchanges(
  placed: Iterable<Contender>,
  waiting: Iterable<Contender>,
  most: number,
): { readonly out: number; readonly in: number }[] {
  const least = leastBusy(placed, most);
  return busiest(waiting, most).flatMap((one, i) => {
    const other = least[i];
    const busier = other !== undefined && one.rate > CLEARLY_BUSIER * other.rate;
    return busier ? [{ out: other.slot, in: one.slot }] : [];
  });
}
