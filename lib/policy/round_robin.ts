import { type Scheduler, type ServerSet, takesSessions } from "./server_set.ts";

/**
 * Smooth weighted round robin, as nginx does it (ngx_http_upstream_round_robin.c): with weights 5, 1, 1 the order is
 * a a b a c a a, not a a a a a b c.
 */
export class RoundRobin implements Scheduler {
  readonly #servers: ServerSet;
  /** Credit of each server; the sum over all is 0 between two choices. */
  readonly #credits: Float64Array;

  constructor(servers: ServerSet) {
    this.#servers = servers;
    this.#credits = new Float64Array(servers.names.length);
  }

  choose(_words: Int32Array, _port: number, _random: number): number {
    const servers = this.#servers, credits = this.#credits, { weights } = servers;
    let best = -1, total = 0;
    for (let i = 0; i < credits.length; i++) {
      if (!takesSessions(servers, i)) continue;
      total += weights[i]!;
      credits[i]! += weights[i]!;
      if (best < 0 || credits[i]! > credits[best]!) best = i;
    }
    if (best >= 0) credits[best]! -= total;
    return best;
  }
}
