import type { ServiceConfig } from "../config/nat_config.ts";
import { TRIAL_SESSIONS } from "../policy/health_passive.ts";
import { maglevTable } from "../policy/maglev_table.ts";
import { createScheduler } from "../policy/scheduler.ts";
import { ServerBoard } from "../policy/server_board.ts";
import { takenOf } from "../policy/server_set.ts";
import { normalizeShares } from "../policy/slow_start.ts";
import { formatEndpoint } from "../wire/address.ts";
import type { PoolServer } from "./pool_server.ts";

/** Does something keep new sessions of a service from a server: an operator, or what has to be waited for? */
export type IsBarred = (service: ServiceConfig, server: PoolServer) => boolean;

/** The servers of one service, and the memory in which the packet worker sees them. */
export class PoolService {
  readonly config: ServiceConfig;
  readonly servers: readonly PoolServer[];
  readonly board: ServerBoard;
  /** The lookup table, where the scheduler has one. It is made here, as it takes milliseconds that the worker has not. */
  readonly maglev: SharedArrayBuffer | null;
  readonly #shares: Float64Array;
  readonly #trials: (number | null)[];
  readonly #limits: Float64Array;
  #varies = false;

  /**
   * @param before the same service until now; what did not change is gone on with
   * @param workers packet workers that count on the board
   */
  constructor(
    config: ServiceConfig,
    servers: readonly PoolServer[],
    before?: PoolService,
    workers = 1,
  ) {
    this.config = config;
    this.servers = servers;
    const list = config.servers.map(({ address, weight }) => ({
      name: formatEndpoint(address),
      weight,
    }));
    const isSame = before !== undefined && sameList(before.board, list);
    this.board = isSame ? before.board : new ServerBoard(list, undefined, { worker: 0, workers });
    this.maglev = config.scheduler !== "maglev"
      ? null
      : (isSame ? before.maglev : null) ?? shared(maglevTable(this.board, 0));
    this.#shares = new Float64Array(servers.length);
    this.#trials = isSame ? before.#trials : servers.map(() => null);
    this.#limits = isSame ? before.#limits : new Float64Array(servers.length).fill(Infinity);
  }

  /** Whether shares change as time goes by, and this has to be told. */
  get varies(): boolean {
    return this.#varies;
  }

  /**
   * Writes what counts now where the worker sees it.
   * @param isBarred whether something other than health keeps new sessions from a server
   */
  refresh(isBarred: IsBarred, nowMs: number): void {
    const { servers, board } = this, shares = this.#shares;
    const barred = servers.map((server) => isBarred(this.config, server));
    servers.forEach(({ health }, i) => shares[i] = barred[i] ? 0 : health.share(nowMs));
    const isUsable = servers.some(({ health }, i) =>
      board.weights[i]! > 0 && shares[i]! > 0 && health.trials === null
    );
    // Rather a server that seems to be silent than none at all.
    if (!isUsable) {
      servers.forEach(({ health }, i) => {
        if (health.isPaused && health.isCheckedGood && !barred[i]) shares[i] = 1;
      });
    }
    normalizeShares(shares, board.weights);
    servers.forEach(({ health: { trials } }, i) => {
      // On trial: a few more than it had been given when that began.
      if (trials !== this.#trials[i]) {
        this.#limits[i] = trials === null ? Infinity : takenOf(board, i) + TRIAL_SESSIONS;
        this.#trials[i] = trials;
      }
      board.limits[i] = isUsable ? this.#limits[i]! : Infinity;
      board.shares[i] = shares[i]!;
    });
    this.#varies = servers.some(({ health }) => health.starting(nowMs));
  }

  /** The server that a new session of this client would get now, without affinity; null: none. */
  wouldChoose(client: Int32Array, port: number): string | null {
    const board = this.board.copy();
    const scheduler = createScheduler(this.config.scheduler, board, {
      credits: board.credits,
      ...(this.maglev && { table: new Uint16Array(this.maglev) }),
    });
    return this.servers[scheduler.choose(client, port, 0.5)]?.name ?? null;
  }
}

function sameList(
  board: ServerBoard,
  servers: readonly { readonly name: string; readonly weight: number }[],
): boolean {
  return board.names.length === servers.length &&
    servers.every(({ name, weight }, i) => name === board.names[i] && weight === board.weights[i]);
}

function shared(table: Uint16Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(table.byteLength);
  new Uint16Array(buffer).set(table);
  return buffer;
}
