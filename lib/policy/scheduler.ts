/**
 * How a new session gets its server.
 *
 * @module
 */

import { LeastSessions } from "./least_sessions.ts";
import { Maglev } from "./maglev.ts";
import { RoundRobin } from "./round_robin.ts";
import type { Scheduler, ServerSet } from "./server_set.ts";
import { SourceHash } from "./source_hash.ts";

export type SchedulerName = "maglev" | "round-robin" | "least-sessions" | "source-hash";

/**
 * A scheduler over a set of servers.
 *
 * @param seed NAT machines with the same seed choose the same servers, where the choice depends on the client alone
 */
export function createScheduler(name: SchedulerName, servers: ServerSet, seed = 0): Scheduler {
  switch (name) {
    case "maglev":
      return new Maglev(servers, seed);
    case "round-robin":
      return new RoundRobin(servers);
    case "least-sessions":
      return new LeastSessions(servers);
    case "source-hash":
      return new SourceHash(servers, seed);
  }
}
