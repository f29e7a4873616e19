import type { ServerSet, WorkerCounts } from "./server_set.ts";

const COMMON_COLUMNS = 2;
const WORKER_COLUMNS = 3;

/** Which packet worker looks at a board, of how many. */
export interface BoardPart {
  readonly worker: number;
  readonly workers: number;
}

/**
 * What changes about the servers of a service, in memory that threads share: the one that watches the
 * servers writes shares and limits, each of those that carry packets counts in columns of its own.
 *
 * ```
 * shares | limits | taken | sessions | credits | taken | sessions | credits | ...   float64, one a server
 *                 |          worker 0          |          worker 1          |
 * ```
 */
export class ServerBoard implements ServerSet {
  readonly names: readonly string[];
  readonly weights: Float64Array;
  readonly buffer: SharedArrayBuffer;
  readonly shares: Float64Array;
  readonly limits: Float64Array;
  readonly taken: Float64Array;
  readonly sessions: Float64Array;
  readonly others: readonly WorkerCounts[];
  readonly #workers: number;
  /** Of round robin. */
  readonly credits: Float64Array;

  /** @param buffer of another board of the same servers; absent: a new one, every server with its whole share */
  constructor(
    servers: readonly { readonly name: string; readonly weight: number }[],
    buffer?: SharedArrayBuffer,
    { worker, workers }: BoardPart = { worker: 0, workers: 1 },
  ) {
    const count = servers.length;
    this.#workers = workers;
    this.names = servers.map(({ name }) => name);
    this.weights = Float64Array.from(servers, ({ weight }) => weight);
    this.buffer = buffer ?? new SharedArrayBuffer(
      count * (COMMON_COLUMNS + workers * WORKER_COLUMNS) * 8,
    );
    const column = (n: number) => new Float64Array(this.buffer, n * count * 8, count);
    this.shares = column(0);
    this.limits = column(1);
    const first = (worker: number) => COMMON_COLUMNS + worker * WORKER_COLUMNS;
    this.taken = column(first(worker));
    this.sessions = column(first(worker) + 1);
    this.credits = column(first(worker) + 2);
    this.others = Array.from({ length: workers }, (_, other) => ({
      taken: column(first(other)),
      sessions: column(first(other) + 1),
    })).filter((_, other) => other !== worker);
    if (buffer !== undefined) return;
    this.shares.fill(1);
    this.limits.fill(Infinity);
  }

  /** The same at this moment, in memory of its own: what is tried out on it has no effect. */
  copy(): ServerBoard {
    const servers = this.names.map((name, i) => ({ name, weight: this.weights[i]! }));
    const copy = new ServerBoard(servers, undefined, { worker: 0, workers: this.#workers });
    new Uint8Array(copy.buffer).set(new Uint8Array(this.buffer));
    return copy;
  }
}
