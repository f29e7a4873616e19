import { AddressSet } from "../session/address_set.ts";
import type { SessionTable } from "../session/session_table.ts";
import { createScheduler } from "../policy/scheduler.ts";
import type { Scheduler, ServerSet } from "../policy/server_set.ts";
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
  readonly eligible: Uint8Array;
  readonly sessions: Int32Array;
  readonly scheduler: Scheduler;
}

/** The services of a configuration, found by VIP, with their servers and criteria. */
export class ServiceTable {
  readonly #services: Service[];
  /** Service number + 1 by dictionary entry of the VIP; one table a protocol. */
  readonly #tcp = new Uint16Array(65536);
  readonly #udp = new Uint16Array(65536);
  readonly #vips: AddressSet;
  /** Services without a past: their sessions have to be counted. */
  readonly #fresh = new Set<number>();

  /** Services that are the same in `before` go on with their schedulers and counts. */
  constructor(config: DatapathConfig, table: SessionTable, before?: ServiceTable) {
    this.#vips = new AddressSet(config.services.map(({ vip }) => vip.words));
    this.#services = config.services.map((service, number) => {
      const vip = intern(table, service.vip);
      (service.protocol === PROTOCOL_TCP ? this.#tcp : this.#udp)[vip] = number + 1;
      const kept = before?.like(JSON.stringify(service));
      if (kept === undefined) this.#fresh.add(number);
      return kept ?? makeService(service, table);
    });
  }

  isFresh(service: number): boolean {
    return this.#fresh.has(service);
  }

  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** The service that was made of this. */
  like(text: string): Service | undefined {
    return this.#services.find((service) => service.text === text);
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
  choose(service: number, client: Int32Array, clientPort: number, random: number): number {
    const { scheduler, servers } = this.#services[service]!;
    const chosen = scheduler.choose(client, clientPort, random);
    return chosen < 0 ? 0 : servers[chosen]!;
  }

  setEligible(service: number, eligible: readonly boolean[]): void {
    const flags = this.#services[service]?.eligible;
    for (let i = 0; flags !== undefined && i < flags.length; i++) flags[i] = eligible[i] ? 1 : 0;
  }

  /** Adds to the sessions that a server has in a service. */
  count(service: number, server: number, change: number): void {
    const { servers, sessions } = this.#services[service]!;
    for (let i = 0; i < servers.length; i++) {
      if (servers[i] === server) sessions[i] = sessions[i]! + change;
    }
  }
}

function makeService(service: DatapathService, table: SessionTable): Service {
  const { servers } = service;
  const set: ServerSet & { eligible: Uint8Array; sessions: Int32Array } = {
    names: servers.map(endpointName),
    weights: Float64Array.from(servers, (server) => server.weight),
    eligible: new Uint8Array(servers.length).fill(1),
    sessions: new Int32Array(servers.length),
  };
  return {
    text: JSON.stringify(service),
    criteria: startCriteria(service.start),
    servers: Int32Array.from(servers, (server) => intern(table, server)),
    eligible: set.eligible,
    sessions: set.sessions,
    scheduler: createScheduler(service.scheduler, set),
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
