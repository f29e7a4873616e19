import { AddressSet } from "../session/address_set.ts";
import type { AffinityTable } from "../session/affinity_table.ts";
import { F64, RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { createScheduler } from "../policy/scheduler.ts";
import { ServerBoard } from "../policy/server_board.ts";
import { type Scheduler, takesSessions } from "../policy/server_set.ts";
import { type StartCriteria, startCriteria } from "../policy/criteria.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import { formatEndpoint, IpAddress } from "../wire/address.ts";
import type { DatapathConfig, DatapathEndpoint, DatapathService } from "./datapath_config.ts";

interface Service {
  /** What it was made of: the same again is the same service, with all that it has counted. */
  readonly text: string;
  readonly criteria: StartCriteria;
  /** Dictionary entries of the servers. */
  readonly servers: Int32Array;
  /** Their places in the list. */
  readonly places: ReadonlyMap<number, number>;
  readonly board: ServerBoard;
  readonly scheduler: Scheduler;
  readonly affinity: DatapathService["affinity"];
  /** What clients of this service are known by. */
  readonly key: number;
}

export interface ServiceTableOptions {
  /** Where the clients' servers are remembered; absent: nowhere. */
  readonly affinity?: AffinityTable | null;
  /** Which of the boards' columns are written. Default 0. */
  readonly worker?: number;
  /** Services that are the same there go on with their schedulers and counts. */
  readonly before?: ServiceTable;
}

/** The services of a configuration, found by VIP, with their servers and criteria. */
export class ServiceTable {
  readonly #table: SessionTable;
  readonly #affinity: AffinityTable | null;
  readonly #services: Service[];
  /** Service number + 1 by dictionary entry of the VIP; one table a protocol. */
  readonly #tcp = new Uint16Array(65536);
  readonly #udp = new Uint16Array(65536);
  readonly #byText: ReadonlyMap<string, Service>;
  readonly #vips: AddressSet;
  /** Services without a past, or whose past was not yet counted: their sessions have to be. */
  readonly #fresh = new Set<number>();

  #byAffinity = false;

  constructor(config: DatapathConfig, table: SessionTable, options: ServiceTableOptions = {}) {
    const { affinity = null, worker = 0, before } = options;
    this.#table = table;
    this.#affinity = affinity;
    this.#vips = new AddressSet(config.services.map(({ vip }) => vip.words));
    this.#services = config.services.map((service, number) => {
      const vip = intern(table, service.vip);
      (service.protocol === PROTOCOL_TCP ? this.#tcp : this.#udp)[vip] = number + 1;
      const text = JSON.stringify(service);
      const kept = before?.like(text);
      if (kept === undefined || before!.isFresh(before!.#services.indexOf(kept))) {
        this.#fresh.add(number);
      }
      return kept ?? makeService(service, service.protocol << 16 | vip, { table, worker });
    });
    this.#byText = new Map(this.#services.map((service) => [service.text, service]));
  }

  /** Have the sessions of this service to be counted, or are they being counted? */
  isFresh(service: number): boolean {
    return this.#fresh.has(service);
  }

  /** Takes the place of the table before: fresh services begin to count. */
  begin(): void {
    const forgotten = new Set<number>();
    for (const number of this.#fresh) {
      const { board, affinity, key } = this.#services[number]!;
      board.sessions.fill(0);
      if (affinity !== undefined) forgotten.add(key);
    }
    if (forgotten.size > 0) this.#affinity?.forgetSessions(forgotten);
  }

  /** All sessions have been counted. */
  counted(): void {
    this.#fresh.clear();
  }

  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** The service that was made of this. */
  like(text: string): Service | undefined {
    return this.#byText.get(text);
  }

  /** The number of the service at a VIP (a dictionary entry), or -1. */
  find(vip: number, protocol: number): number {
    return (protocol === PROTOCOL_TCP ? this.#tcp : this.#udp)[vip]! - 1;
  }

  /** Is the address at this offset (4 words) a VIP, whatever the port? */
  hasVip(words: Int32Array, offset: number): boolean {
    return this.#vips.has(words, offset);
  }

  criteria(service: number): StartCriteria {
    return this.#services[service]!.criteria;
  }

  /** The server (a dictionary entry) for a new session of a client, or 0. */
  choose(
    service: number,
    client: Int32Array,
    clientPort: number,
    random: number,
    nowMs: number,
  ): number {
    const { scheduler, servers, board, affinity, places, key } = this.#services[service]!;
    this.#byAffinity = false;
    let chosen = -1;
    if (affinity !== undefined && this.#affinity !== null) {
      const server = this.#affinity.find(key, client, 0, affinity, nowMs, affinity.timeoutMs);
      const place = server === 0 ? undefined : places.get(server);
      // A server that is down or draining keeps nobody.
      if (place !== undefined && takesSessions(board, place)) {
        chosen = place;
        this.#byAffinity = true;
      }
    }
    if (chosen < 0) chosen = scheduler.choose(client, clientPort, random);
    if (chosen < 0) return 0;
    board.taken[chosen]!++;
    return servers[chosen]!;
  }

  /** Does this service remember the servers of its clients? */
  remembers(service: number): boolean {
    return this.#services[service]!.affinity !== undefined;
  }

  /** Whether the server chosen last is the one of the client's earlier sessions. */
  get byAffinity(): boolean {
    return this.#byAffinity;
  }

  /** A session begins, or stands in the table already. */
  opened(slot: number, nowMs: number): void {
    const service = this.#serviceOf(slot);
    if (service < 0) return;
    const { affinity, key } = this.#services[service]!;
    const server = this.#table.getU16(slot, U16.server);
    this.#count(service, server, 1);
    if (affinity === undefined) return;
    this.#affinity?.opened(key, this.#table.i32, clientAt(slot), affinity, server, nowMs);
  }

  /** Its client exists. */
  proven(slot: number, nowMs: number): void {
    const service = this.#serviceOf(slot);
    if (service < 0 || this.#affinity === null) return;
    const { affinity, key } = this.#services[service]!;
    if (affinity === undefined) return;
    const server = this.#table.getU16(slot, U16.server);
    this.#affinity.proven(key, this.#table.i32, clientAt(slot), affinity, server, nowMs);
  }

  /** It leaves the table. */
  closed(slot: number): void {
    const service = this.#serviceOf(slot);
    if (service < 0) return;
    const { affinity, key } = this.#services[service]!;
    const table = this.#table;
    const server = table.getU16(slot, U16.server);
    this.#count(service, server, -1);
    if (affinity === undefined) return;
    const usedMs = table.getF64(slot, F64.lastSeenMs);
    this.#affinity?.closed(key, table.i32, clientAt(slot), affinity, server, usedMs);
  }

  /** Whether the session's server takes no others, and another one would take this one. */
  hasLostServer(slot: number): boolean {
    const service = this.#serviceOf(slot);
    if (service < 0) return false;
    const { places, board } = this.#services[service]!;
    const place = places.get(this.#table.getU16(slot, U16.server));
    if (place !== undefined && board.shares[place]! > 0) return false;
    for (let i = 0; i < board.shares.length; i++) if (takesSessions(board, i)) return true;
    return false;
  }

  #serviceOf(slot: number): number {
    return this.find(this.#table.getU16(slot, U16.vip), this.#table.getU8(slot, U8.protocol));
  }

  #count(service: number, server: number, change: number): void {
    const { places, board } = this.#services[service]!;
    const place = places.get(server);
    if (place !== undefined) board.sessions[place] = board.sessions[place]! + change;
  }
}

/** Where the client's address stands in a table's words. */
function clientAt(slot: number): number {
  return slot * (RECORD_BYTES / 4);
}

function makeService(
  service: DatapathService,
  key: number,
  { table, worker }: { readonly table: SessionTable; readonly worker: number },
): Service {
  const board = new ServerBoard(
    service.servers.map((server) => ({ name: endpointName(server), weight: server.weight })),
    service.board,
    { worker, workers: service.workers ?? 1 },
  );
  const servers = Int32Array.from(service.servers, (server) => intern(table, server));
  return {
    text: JSON.stringify(service),
    criteria: startCriteria(service.start),
    servers,
    places: new Map([...servers].map((server, place) => [server, place])),
    board,
    scheduler: createScheduler(service.scheduler, board, {
      credits: board.credits,
      ...(service.maglev && { table: new Uint16Array(service.maglev) }),
    }),
    affinity: service.affinity,
    key,
  };
}

function intern(table: SessionTable, { words, port }: DatapathEndpoint): number {
  return internEndpoint(table, Int32Array.from(words), port);
}

/**
 * The dictionary entry of an endpoint of the configuration.
 * @throws {RangeError} when the dictionary is full
 */
export function internEndpoint(table: SessionTable, words: Int32Array, port: number): number {
  const entry = table.internEndpoint(words, 0, port);
  if (entry === 0) {
    throw new RangeError(
      "Cannot add another endpoint: the session table has no room for more VIPs, servers and SNAT addresses, start with a new state file",
    );
  }
  return entry;
}

function endpointName({ words, port }: DatapathEndpoint): string {
  const address = IpAddress.fromWords(words[0]!, words[1]!, words[2]!, words[3]!);
  return formatEndpoint({ address, port });
}
