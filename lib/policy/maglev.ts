import { finish, hashText, mix, mixAddress } from "./hash.ts";
import { maglevTable } from "./maglev_table.ts";
import { Rendezvous } from "./rendezvous.ts";
import { type Scheduler, type ServerSet, takesSessions } from "./server_set.ts";

/** So many entries are tried for a client whose server takes no sessions; then the other servers are asked directly. */
const MAX_TRIES = 64;

/** Parts the draw for a slow start from the choice of the entry. */
const SLOW_START = 0x51055;

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4) with weights: even, and a change of the servers moves few
 * clients. A server that goes down or drains for a while does not change the table, so that only its own clients go
 * elsewhere, and come back to it. Neither does one that starts slowly: of its clients the share that counts now is
 * accepted, the others go where they would go without it, and a client that was accepted stays accepted as the share
 * grows.
 */
export class Maglev implements Scheduler {
  readonly #servers: ServerSet;
  readonly #seed: number;
  readonly #table: Uint16Array;
  readonly #names: Int32Array;
  readonly #others: Rendezvous;

  constructor(servers: ServerSet, { seed, table }: { seed: number; table?: Uint16Array }) {
    this.#servers = servers;
    this.#seed = seed;
    this.#table = table ?? maglevTable(servers, seed);
    // By name, as places in the list change.
    this.#names = Int32Array.from(servers.names, (name) => hashText(name, SLOW_START));
    this.#others = new Rendezvous(servers, seed);
  }

  choose(words: Int32Array, port: number, _random: number): number {
    const servers = this.#servers, table = this.#table;
    const hash = finish(mix(mixAddress(this.#seed, words), port));
    let at = hash % table.length;
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const server = table[at]!;
      if (takesSessions(servers, server) && this.#accepts(server, hash)) return server;
      // Hashed again, as neighbours in the table depend on each other.
      at = finish(mix(hash, tries)) % table.length;
    }
    return this.#others.choose(hash);
  }

  #accepts(server: number, hash: number): boolean {
    const share = this.#servers.shares[server]!;
    return share >= 1 || finish(mix(hash ^ SLOW_START, this.#names[server]!)) < share * 2 ** 32;
  }
}
