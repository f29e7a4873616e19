import { type Scheduler, type ServerSet, takesSessions } from "./server_set.ts";

/**
 * The server with the fewest sessions for its weight, counting the new one. Among equals the search begins at a random
 * place, so that several workers, or a table just started, do not all choose the first.
 */
export class LeastSessions implements Scheduler {
  readonly #servers: ServerSet;

  constructor(servers: ServerSet) {
    this.#servers = servers;
  }

  choose(_words: Int32Array, _port: number, random: number): number {
    const servers = this.#servers, { sessions, weights } = servers;
    const count = servers.names.length;
    let best = -1;
    let at = Math.floor(random * count);
    for (let n = 0; n < count; n++, at = at + 1 === count ? 0 : at + 1) {
      if (!takesSessions(servers, at)) continue;
      // (sessions + 1) / weight, compared without dividing.
      const better = best < 0 ||
        (sessions[at]! + 1) * weights[best]! < (sessions[best]! + 1) * weights[at]!;
      if (better) best = at;
    }
    return best;
  }
}
