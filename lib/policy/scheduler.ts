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

export interface SchedulerOptions {
  /** NAT machines with the same seed choose the same servers, where the choice depends on the client alone. Default 0. */
  readonly seed?: number;
  /** What `maglevTable` made of these servers with this seed; default: made now, which takes milliseconds. */
  readonly table?: Uint16Array;
  /** Where round robin keeps its credits. */
  readonly credits?: Float64Array;
}

/** A scheduler over a set of servers. */
export function createScheduler(
  name: SchedulerName,
  servers: ServerSet,
  { seed = 0, table, credits }: SchedulerOptions = {},
): Scheduler {
  switch (name) {
    case "maglev":
      return new Maglev(servers, { seed, ...(table && { table }) });
    case "round-robin":
      return new RoundRobin(servers, credits);
    case "least-sessions":
      return new LeastSessions(servers);
    case "source-hash":
      return new SourceHash(servers, seed);
  }
}
