import type { ServerSet } from "./server_set.ts";

const COLUMNS = 5;

/**
 * What changes about the servers of a service, in memory that two threads share: the one that watches
 * the servers writes shares and limits, the one that carries packets counts.
 *
 * ```
 * shares | limits | taken | sessions | credits        float64, one a server
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
  /** Of round robin. */
  readonly credits: Float64Array;

  /** @param buffer of another board of the same servers; absent: a new one, every server with its whole share */
  constructor(
    servers: readonly { readonly name: string; readonly weight: number }[],
    buffer?: SharedArrayBuffer,
  ) {
    const count = servers.length;
    this.names = servers.map(({ name }) => name);
    this.weights = Float64Array.from(servers, ({ weight }) => weight);
    this.buffer = buffer ?? new SharedArrayBuffer(count * COLUMNS * 8);
    const column = (n: number) => new Float64Array(this.buffer, n * count * 8, count);
    this.shares = column(0);
    this.limits = column(1);
    this.taken = column(2);
    this.sessions = column(3);
    this.credits = column(4);
    if (buffer !== undefined) return;
    this.shares.fill(1);
    this.limits.fill(Infinity);
  }

  /** The same at this moment, in memory of its own: what is tried out on it has no effect. */
  copy(): ServerBoard {
    const servers = this.names.map((name, i) => ({ name, weight: this.weights[i]! }));
    const copy = new ServerBoard(servers);
    new Uint8Array(copy.buffer).set(new Uint8Array(this.buffer));
    return copy;
  }
}
