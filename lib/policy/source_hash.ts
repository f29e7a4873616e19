import { mixAddress } from "./hash.ts";
import { Rendezvous } from "./rendezvous.ts";
import type { Scheduler, ServerSet } from "./server_set.ts";

/** Every session of a client address goes to the same server, as long as that server takes sessions. */
export class SourceHash implements Scheduler {
  readonly #rendezvous: Rendezvous;
  readonly #seed: number;

  constructor(servers: ServerSet, seed: number) {
    this.#rendezvous = new Rendezvous(servers, seed);
    this.#seed = seed;
  }

  choose(words: Int32Array, _port: number, _random: number): number {
    return this.#rendezvous.choose(mixAddress(this.#seed, words));
  }
}
