import { type Scheduler, type ServerSet, takesSessions, weightNow } from "./server_set.ts";

/**
 * Smooth weighted round robin, as nginx does it (ngx_http_upstream_round_robin.c): with weights 5, 1, 1 the order is
 * a a b a c a a, not a a a a a b c.
 */
export class RoundRobin implements Scheduler {
  readonly #servers: ServerSet;
  /** Credit of each server; the sum over all is 0 between two choices. */
  readonly #credits: Float64Array;

  /** @param credits kept elsewhere, so that others can look */
  constructor(servers: ServerSet, credits: Float64Array = new Float64Array(servers.names.length)) {
    this.#servers = servers;
    this.#credits = credits;
  }

  choose(_words: Int32Array, _port: number, _random: number): number {
    const servers = this.#servers, credits = this.#credits;
    let best = -1, total = 0;
    for (let i = 0; i < credits.length; i++) {
      if (!takesSessions(servers, i)) continue;
      const weight = weightNow(servers, i);
      total += weight;
      credits[i]! += weight;
      if (best < 0 || credits[i]! > credits[best]!) best = i;
    }
    if (best >= 0) credits[best]! -= total;
    return best;
  }
}
