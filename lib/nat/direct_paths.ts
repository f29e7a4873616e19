import { PathBreakers, type PathState } from "../policy/path_breakers.ts";
import { IpAddress } from "../wire/address.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { ProvenNetworks } from "./proven_networks.ts";

/** What a directly sent packet goes from and to, as far as paths are told apart. */
export interface DirectPath {
  /** `10.0.0.11`: the address of a server, whatever its services are. */
  readonly server: string;
  /** `198.51.100.0/24`: where the client is. */
  readonly clients: string;
}

/** Who wants to use a path. */
export interface PathUser {
  readonly session: string;
  readonly isTcp: boolean;
}

/** Where a client is: networks that are routed apart are seldom smaller. */
const CLIENTS_IPV4 = 24;
const CLIENTS_IPV6 = 56;

/** In a row, within ten minutes. */
const FAILURES = 2;
const CAPACITY = 4096;
const SERVERS = {
  failures: FAILURES,
  pauseMs: 10_000,
  longestPauseMs: 600_000,
  capacity: CAPACITY,
};
/** Longer, so that a server that failed in one place only is tried from another first. */
const CLIENTS = {
  failures: FAILURES,
  pauseMs: 15_000,
  longestPauseMs: 900_000,
  capacity: CAPACITY,
};
/** How many places a view names. */
const NAMED = 3;

/** What `inspect` says of a server's direct path. */
export interface PathView {
  readonly bypass: "able" | "unable";
  readonly reason: string | null;
}

/** Something happened to a path, for the log. */
export interface PathNews {
  readonly event: "path-unable" | "path-tried" | "path-able";
  readonly server: string;
  readonly clients: string | null;
  readonly details: Readonly<Record<string, string | number>>;
}

/** UDP waits for TCP to try a path on which TCP failed: it would not notice. */
const UDP_RETRY_MS = 10_000;

/**
 * From which servers, and from which of them to which clients, direct packets arrive: sessions that
 * failed in a row make a server unable, or that server towards clients of one network when it reaches
 * others. After a growing pause one session tries.
 *
 * Clients of one network, who may only have stopped answering, do not speak for those of others: a
 * server that lately reached another network is unable when sessions of several networks failed.
 */
export class DirectPaths {
  readonly #servers = new PathBreakers(SERVERS);
  readonly #places = new PathBreakers(CLIENTS);
  readonly #proven = new ProvenNetworks();
  /** Where the last failure was that spoke against a server. */
  readonly #failedAt = new Map<string, string>();
  /** Servers on whose paths TCP failed, or is to try first. */
  readonly #needsTcp = new Set<string>();
  readonly #tell: (news: PathNews) => void;

  /** @param tell hears what becomes of paths: unable, tried with one session, able again */
  constructor(tell: (news: PathNews) => void) {
    this.#tell = tell;
  }

  /** May this session be bypassed? Null, or what speaks against it and when to ask again. */
  admit(
    { server, clients }: DirectPath,
    { session, isTcp }: PathUser,
    now: number,
  ): { failures: number; retryMs: number } | null {
    if (this.#servers.size === 0 && this.#places.size === 0) return null;
    const place = placeOf(server, clients);
    const both = [this.#servers.state(server, now), this.#places.state(place, now)];
    const failures = Math.max(...both.map((it) => it?.failures ?? 0));
    const waitMs = Math.max(...both.map((it) => it?.waitMs ?? 0));
    if (waitMs > 0) return { failures, retryMs: waitMs };
    const isTrial = both.some((it) => it?.state === "trial");
    if (isTrial && !isTcp && this.#needsTcp.has(server)) {
      return { failures, retryMs: UDP_RETRY_MS };
    }
    const atPlace = this.#places.admit(place, session, now);
    if (atPlace > 0) return { failures, retryMs: atPlace };
    const atServer = this.#servers.admit(server, session, now);
    if (atServer > 0) {
      this.#places.withdraw(place, session);
      return { failures, retryMs: atServer };
    }
    if (both[0]?.state === "trial") this.#say("path-tried", server, null, { session });
    if (both[1]?.state === "trial") this.#say("path-tried", server, clients, { session });
    return null;
  }

  /** The instruction of a session that may have been a trial has ended. */
  withdraw({ server, clients }: DirectPath, session: string): void {
    this.#servers.withdraw(server, session);
    this.#places.withdraw(placeOf(server, clients), session);
  }

  /** Nothing speaks against what this session sends: that is success for a trial, and for others nothing. */
  quiet(path: DirectPath, session: string, now: number): void {
    const { server, clients } = path;
    if (
      this.#servers.isTrial(server, session) ||
      this.#places.isTrial(placeOf(server, clients), session)
    ) this.success(path, now);
  }

  /** What was sent directly has arrived. */
  success({ server, clients }: DirectPath, now: number): void {
    this.#proven.note(server, clients, now);
    if (this.#servers.size === 0 && this.#places.size === 0) return;
    const wasUnable = (state: PathState | null) => state !== null && state.state !== "closed";
    const place = placeOf(server, clients);
    const news = [
      [wasUnable(this.#servers.state(server, now)), null],
      [wasUnable(this.#places.state(place, now)), clients],
    ] as const;
    this.#servers.success(server);
    this.#places.success(place);
    this.#needsTcp.delete(server);
    this.#failedAt.delete(server);
    for (const [isNews, where] of news) if (isNews) this.#say("path-able", server, where, {});
  }

  /** It has not, as far as can be seen now. */
  failure(
    { server, clients }: DirectPath,
    { why, isTcp }: { why: string; isTcp: boolean },
    now: number,
  ): void {
    const place = placeOf(server, clients);
    if (isTcp) this.#needsTcp.add(server);
    if (this.#speaksForAll(server, clients, now)) {
      this.#failedAt.set(server, clients);
      if (this.#servers.failure(server, now)) this.#sayUnable(server, null, why, now);
    }
    if (this.#places.failure(place, now)) this.#sayUnable(server, clients, why, now);
  }

  /** Nothing arrived by way of the NAT machine either: the path was not to blame. */
  retract({ server, clients }: DirectPath, now: number): void {
    if (this.#servers.retract(server, now)) this.#say("path-able", server, null, {});
    if (this.#places.retract(placeOf(server, clients), now)) {
      this.#say("path-able", server, clients, {});
    }
    if (this.#servers.state(server, now) === null) this.#needsTcp.delete(server);
  }

  /** There is reason to try a server with one session first. */
  doubt(server: string, now: number): void {
    this.#needsTcp.add(server);
    this.#servers.doubt(server, now);
  }

  /** There is none any more; what failed by itself is not taken back. */
  trust(which: (server: string) => boolean): void {
    this.#servers.forget((server) =>
      which(server) && this.#servers.state(server, 0)?.failures === 0
    );
    for (const server of this.#needsTcp) {
      if (which(server) && this.#servers.state(server, 0) === null) this.#needsTcp.delete(server);
    }
  }

  /** Forgets servers that are no longer configured. */
  keep(isServer: (server: string) => boolean): void {
    this.#servers.forget((server) => !isServer(server));
    for (const server of this.#needsTcp) if (!isServer(server)) this.#needsTcp.delete(server);
    for (const server of this.#failedAt.keys()) {
      if (!isServer(server)) this.#failedAt.delete(server);
    }
    this.#proven.keep(isServer);
    this.#places.forget((place) => !isServer(place.slice(0, place.lastIndexOf(" "))));
  }

  /** What is not simply used between a server and a client: the server's own path, the client's network. */
  doubted(server: IpAddress, client: IpAddress, now: number): (PathState & { path: string })[] {
    const name = String(server);
    const clients = clientsOf(client);
    const states = [
      { path: `from ${name}`, state: this.#servers.state(name, now) },
      {
        path: `from ${name} to ${clients}`,
        state: this.#places.state(placeOf(name, clients), now),
      },
    ];
    return states.flatMap(({ path, state }) => state === null ? [] : [{ path, ...state }]);
  }

  /** What is known of a server. */
  view(server: string, now: number): PathView {
    const state = this.#servers.state(server, now);
    if (state !== null && state.state !== "closed" && state.failures > 0) {
      return { bypass: "unable", reason: textOf(state) };
    }
    const places: string[] = [];
    for (const [place, { state }] of this.#places.paths(now)) {
      if (state === "closed" || !place.startsWith(`${server} `)) continue;
      places.push(place.slice(server.length + 1));
    }
    if (places.length === 0) return { bypass: "able", reason: null };
    const named = places.slice(0, NAMED).join(", ");
    const more = places.length > NAMED ? ` and ${places.length - NAMED} more` : "";
    return { bypass: "able", reason: `not for clients of ${named}${more}: no progress` };
  }

  /** What keeps some of these servers from being bypassed; null: nothing. */
  reasonFor(servers: readonly string[], now: number): string | null {
    const reasons = servers.flatMap((server) => {
      const { reason } = this.view(server, now);
      return reason === null ? [] : [servers.length === 1 ? reason : `${server}: ${reason}`];
    });
    return reasons.join("; ") || null;
  }

  /** Does a failure there speak against the server? Not once more where others are reached. */
  #speaksForAll(server: string, clients: string, now: number): boolean {
    const state = this.#servers.state(server, now);
    if (state === null || state.state !== "closed") return true;
    return this.#failedAt.get(server) !== clients ||
      !this.#proven.reachesOthers(server, clients, now);
  }

  #sayUnable(server: string, clients: string | null, why: string, now: number): void {
    const state = clients === null
      ? this.#servers.state(server, now)
      : this.#places.state(placeOf(server, clients), now);
    const { failures, waitMs } = state!;
    this.#say("path-unable", server, clients, { why, failures, pauseMs: waitMs });
  }

  #say(
    event: PathNews["event"],
    server: string,
    clients: string | null,
    details: PathNews["details"],
  ): void {
    this.#tell({ event, server, clients, details });
  }
}

/** The network that a client is in. */
export function clientsOf({ family, words }: IpAddress): string {
  const [a, b, c, d] = words as unknown as [number, number, number, number];
  return family === 4
    ? formatPrefix({
      address: IpAddress.fromWords(a, b, c, d & (-1 << (32 - CLIENTS_IPV4))),
      length: CLIENTS_IPV4,
    })
    : formatPrefix({
      address: IpAddress.fromWords(a, b & (-1 << (64 - CLIENTS_IPV6)), 0, 0),
      length: CLIENTS_IPV6,
    });
}

function placeOf(server: string, clients: string): string {
  return `${server} ${clients}`;
}

function textOf({ failures, waitMs }: PathState): string {
  const next = waitMs > 0
    ? `tried again in ${Math.ceil(waitMs / 1000)} s`
    : "tried with one session next";
  return `nothing sent directly arrived, ${failures} time${
    failures === 1 ? "" : "s"
  } in a row; ${next}`;
}
