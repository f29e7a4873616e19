import { finish, hashText, mix } from "./hash.ts";
import { type ServerSet, takesSessions, weightNow } from "./server_set.ts";

/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; logarithmic weights after Schindelhauer and Schomaker 2005):
 * every server draws a number for the key, the highest wins. A server that goes takes only its own keys along, one that
 * comes takes its share from the others; one whose share grows takes more keys and gives none away.
 */
export class Rendezvous {
  readonly #servers: ServerSet;
  readonly #names: Int32Array;

  constructor(servers: ServerSet, seed: number) {
    this.#servers = servers;
    this.#names = Int32Array.from(servers.names, (name) => hashText(name, seed));
  }

  /** The index of the server for a key; -1 when none takes sessions. Time grows with the number of servers. */
  choose(key: number): number {
    const servers = this.#servers, names = this.#names;
    let best = -1, bestScore = -Infinity;
    for (let i = 0; i < names.length; i++) {
      if (!takesSessions(servers, i)) continue;
      // Uniform in (0, 1), so the logarithm is finite and below 0.
      const draw = (finish(mix(key, names[i]!)) + 0.5) / 2 ** 32;
      const score = Math.log(draw) / weightNow(servers, i);
      if (score > bestScore) {
        best = i;
        bestScore = score;
      }
    }
    return best;
  }
}
