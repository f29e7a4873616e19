import { finish, hashText, mix, mixAddress } from "./hash.ts";
import { Rendezvous } from "./rendezvous.ts";
import { type Scheduler, type ServerSet, takesSessions } from "./server_set.ts";

// Primes, as the paper wants. 16381 gives 100 servers more than 100 entries each (an imbalance of about 1 %), takes 32 KiB
// and a millisecond to fill; the larger one is for more servers.
const SMALL_TABLE = 16_381;
const LARGE_TABLE = 65_537;
const MANY_SERVERS = 100;

/** So many entries are tried for a client whose server takes no sessions; then the other servers are asked directly. */
const MAX_TRIES = 64;

/** Entry of a table without servers. */
const NOBODY = 0xffff;

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4) with weights: even, and a change of the servers moves few
 * clients. A server that goes down or drains for a while does not change the table, so that only its own clients go
 * elsewhere, and come back to it.
 */
export class Maglev implements Scheduler {
  readonly #servers: ServerSet;
  readonly #seed: number;
  readonly #table: Uint16Array;
  readonly #others: Rendezvous;

  constructor(servers: ServerSet, seed: number) {
    this.#servers = servers;
    this.#seed = seed;
    this.#table = maglevTable(servers, seed);
    this.#others = new Rendezvous(servers, seed);
  }

  choose(words: Int32Array, port: number, _random: number): number {
    const servers = this.#servers, table = this.#table;
    const hash = finish(mix(mixAddress(this.#seed, words), port));
    let at = hash % table.length;
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const server = table[at]!;
      if (takesSessions(servers, server)) return server;
      // Hashed again, as neighbours in the table depend on each other.
      at = finish(mix(hash, tries)) % table.length;
    }
    return this.#others.choose(hash);
  }
}

/**
 * The lookup table: an index of a server in every entry, in proportion to the weights. It does not depend on the order
 * in which the servers are listed.
 */
export function maglevTable({ names, weights }: ServerSet, seed: number): Uint16Array {
  const size = names.length > MANY_SERVERS ? LARGE_TABLE : SMALL_TABLE;
  const table = new Uint16Array(size).fill(NOBODY);
  const order = names.map((_, i) => i)
    .filter((i) => weights[i]! > 0)
    .sort((a, b) => names[a]! < names[b]! ? -1 : 1);
  if (order.length === 0) return table;
  const heaviest = Math.max(...order.map((i) => weights[i]!));
  // Each server's own permutation of the entries: offset, offset + skip, offset + 2 skip...
  const next = Uint32Array.from(order, (i) => hashText(names[i]!, seed) % size);
  const skip = Uint32Array.from(order, (i) => hashText(names[i]!, ~seed) % (size - 1) + 1);
  const credit = new Float64Array(order.length);
  for (let filled = 0; filled < size;) {
    for (let n = 0; n < order.length && filled < size; n++) {
      // A server takes its turn in as many rounds as its weight is a part of the heaviest.
      credit[n]! += weights[order[n]!]!;
      if (credit[n]! < heaviest) continue;
      credit[n]! -= heaviest;
      let at = next[n]!;
      while (table[at] !== NOBODY) {
        at += skip[n]!;
        if (at >= size) at -= size;
      }
      next[n] = at;
      table[at] = order[n]!;
      filled++;
    }
  }
  return table;
}
