import {
  type Scheduler,
  type ServerSet,
  sessionsOf,
  takesSessions,
  weightNow,
} from "./server_set.ts";

/**
 * The server with the fewest sessions for its weight, counting the new one. Among equals the search begins at a random
 * place, so that several workers, or a table just started, do not all choose the first.
 *
 * A server that starts slowly has the fewest sessions of all and would get every new one. As long as it starts it is
 * left out of the comparison and gets its part by lot: its share of its weight among all weights.
 */
export class LeastSessions implements Scheduler {
  readonly #servers: ServerSet;

  constructor(servers: ServerSet) {
    this.#servers = servers;
  }

  choose(_words: Int32Array, _port: number, random: number): number {
    const lot = this.#drawn(random);
    if (lot >= 0) return lot;
    const full = this.#fewest(random, 1);
    // All that could be chosen may be starting.
    return full >= 0 ? full : this.#fewest(random, 0);
  }

  /** The server that starts slowly and is drawn, or -1. */
  #drawn(random: number): number {
    const servers = this.#servers, { weights, shares } = servers;
    const count = servers.names.length;
    let total = 0, starting = false;
    for (let i = 0; i < count; i++) {
      if (!takesSessions(servers, i)) continue;
      total += weights[i]!;
      if (shares[i]! < 1) starting = true;
    }
    if (!starting) return -1;
    let left = random * total;
    for (let i = 0; i < count; i++) {
      if (shares[i]! >= 1 || !takesSessions(servers, i)) continue;
      left -= weightNow(servers, i);
      if (left < 0) return i;
    }
    return -1;
  }

  /** Among the servers with at least this share. */
  #fewest(random: number, leastShare: number): number {
    const servers = this.#servers, { weights, shares } = servers;
    const count = servers.names.length;
    let best = -1;
    let at = Math.floor(random * count);
    for (let n = 0; n < count; n++, at = at + 1 === count ? 0 : at + 1) {
      if (shares[at]! < leastShare || !takesSessions(servers, at)) continue;
      // (sessions + 1) / weight, compared without dividing.
      const better = best < 0 ||
        (sessionsOf(servers, at) + 1) * weights[best]! <
          (sessionsOf(servers, best) + 1) * weights[at]!;
      if (better) best = at;
    }
    return best;
  }
}
