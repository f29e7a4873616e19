/** What one packet worker has given its servers. */
export interface WorkerCounts {
  readonly taken: ArrayLike<number>;
  readonly sessions: ArrayLike<number>;
}

/** The servers of a service, as schedulers see them; a server is known by its index. */
export interface ServerSet {
  /** What a server is called wherever it stands in the list: `10.0.0.11:8080`. No two are the same. */
  readonly names: readonly string[];
  /** Share of the new sessions, relative to the others; 0: never chosen. */
  readonly weights: ArrayLike<number>;
  /**
   * How much of its weight counts now: 0 for a server that is down or draining, less than 1 for one that
   * starts slowly. The owner changes it at any time, and sees to it that the largest one is 1.
   */
  readonly shares: Float64Array;
  /** How many sessions a server may have been given in all before it takes no more; Infinity: any number. */
  readonly limits: Float64Array;
  /** How many it has been given; whoever calls `choose` counts. */
  readonly taken: Float64Array;
  /** Sessions that each server has now; the owner counts. */
  readonly sessions: ArrayLike<number>;
  /** What other packet workers count of the same servers; absent: there are none. */
  readonly others?: readonly WorkerCounts[];
}

/** Chooses servers. Nothing is allocated by `choose`. */
export interface Scheduler {
  /**
   * The index of the server for a new session; -1 when no server takes one.
   *
   * @param words the client's address is the first four
   * @param port the client's port
   * @param random uniform in [0, 1)
   */
  choose(words: Int32Array, port: number, random: number): number;
}

/** Whether the server may be chosen at all. */
export function takesSessions(servers: ServerSet, index: number): boolean {
  return servers.shares[index]! > 0 && servers.weights[index]! > 0 &&
    takenOf(servers, index) < servers.limits[index]!;
}

/** How many sessions a server has been given in all. */
export function takenOf(servers: ServerSet, index: number): number {
  let count = servers.taken[index]!;
  if (servers.others !== undefined) {
    for (const { taken } of servers.others) count += taken[index]!;
  }
  return count;
}

/** How many sessions a server has in all. */
export function sessionsOf(servers: ServerSet, index: number): number {
  let count = servers.sessions[index]!;
  if (servers.others !== undefined) {
    for (const { sessions } of servers.others) count += sessions[index]!;
  }
  return count;
}

/** The weight that counts now. */
export function weightNow(servers: ServerSet, index: number): number {
  return servers.weights[index]! * servers.shares[index]!;
}
