import { hashText } from "./hash.ts";

// Primes, as the paper wants. 16381 gives 100 servers more than 100 entries each (an imbalance of about 1 %), takes 32 KiB
// and a millisecond to fill; the larger one is for more servers.
const SMALL_TABLE = 16_381;
const LARGE_TABLE = 65_537;
const MANY_SERVERS = 100;

/** Entry of a table without servers. */
export const NOBODY = 0xffff;

/** One server's own order of the entries: offset, offset + skip, offset + 2 skip... and its weight. */
export interface Preference {
  readonly offset: number;
  readonly skip: number;
  readonly weight: number;
}

/**
 * The lookup table: an index of a server in every entry, in proportion to the weights. It does not depend on the order
 * in which the servers are listed.
 */
export function maglevTable(
  servers: { readonly names: readonly string[]; readonly weights: ArrayLike<number> },
  seed: number,
): Uint16Array<ArrayBuffer> {
  const { names, weights } = servers;
  const size = names.length > MANY_SERVERS ? LARGE_TABLE : SMALL_TABLE;
  const order = names.map((_, i) => i)
    .filter((i) => weights[i]! > 0)
    .sort((a, b) => names[a]! < names[b]! ? -1 : 1);
  const table = populate(
    order.map((i) => ({
      offset: hashText(names[i]!, seed) % size,
      skip: hashText(names[i]!, ~seed) % (size - 1) + 1,
      weight: weights[i]!,
    })),
    size,
  );
  if (order.length > 0) { for (let at = 0; at < size; at++) table[at] = order[table[at]!]!; }
  return table;
}

/**
 * Fills a table as Pseudocode 1 of the paper does: in turn each server takes the first entry of its preference that is
 * still free. With weights, a server takes its turn in as many rounds as its weight is a part of the heaviest.
 */
export function populate(
  servers: readonly Preference[],
  size: number,
): Uint16Array<ArrayBuffer> {
  const table = new Uint16Array(size).fill(NOBODY);
  if (servers.length === 0) return table;
  const heaviest = Math.max(...servers.map(({ weight }) => weight));
  const next = Uint32Array.from(servers, ({ offset }) => offset);
  const skip = Uint32Array.from(servers, (server) => server.skip);
  const weights = Float64Array.from(servers, ({ weight }) => weight);
  const credit = new Float64Array(servers.length);
  for (let filled = 0; filled < size;) {
    for (let n = 0; n < servers.length && filled < size; n++) {
      credit[n]! += weights[n]!;
      if (credit[n]! < heaviest) continue;
      credit[n]! -= heaviest;
      let at = next[n]!;
      while (table[at] !== NOBODY) {
        at += skip[n]!;
        if (at >= size) at -= size;
      }
      next[n] = at;
      table[at] = n;
      filled++;
    }
  }
  return table;
}
