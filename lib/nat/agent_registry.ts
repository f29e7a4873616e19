import type { Ability, Announcement, UnableFamilies } from "../control/messages.ts";
import type { NatConfig } from "../config/nat_config.ts";
import { familyName, formatEndpoint, parseEndpoint } from "../wire/address.ts";
import type { AgentState } from "./obstacles.ts";
import { hostOf } from "./operator_state.ts";

/** An agent that has been seen since the start. */
export interface KnownAgent {
  readonly name: string;
  /** Of its certificate, canonical: the servers it speaks for. */
  readonly addresses: readonly string[];
  connected: boolean;
  able: boolean;
  /** Why it is not able, in one family or in both. */
  reason: string | null;
  /** What it cannot do though it is able. */
  unable: UnableFamilies;
  /** Boot time of the newest report; null before the first. */
  lastReportMs: number | null;
  /** Has it given no sign of life for longer than an agent that lives would? */
  silent: boolean;
  /** Of its process; another one holds nothing of what this one held. */
  readonly instance: string;
  /** Is its process known to be no more? */
  gone: boolean;
  /** As its greeting has it. */
  readonly program: string;
}

/** What `inspect servers` says of the agent of a server. */
export interface AgentView {
  readonly connected: boolean;
  readonly bypass: string;
  readonly reason: string | null;
}

/** Which agents there are, and which one speaks for a server. */
export class AgentRegistry {
  readonly #agents = new Map<string, KnownAgent>();
  /** Names of those that have spoken for an address: it is asked with every instruction. */
  readonly #byAddress = new Map<string, Set<string>>();

  connected(
    name: string,
    addresses: readonly string[],
    state: Ability & { instance: string; now: number; program?: string },
  ): KnownAgent {
    const { able, reason, unable = {}, instance, now, program = "" } = state;
    const agent = {
      name,
      addresses,
      connected: true,
      able,
      reason,
      unable,
      lastReportMs: now,
      silent: false,
      instance,
      gone: false,
      program,
    };
    this.#agents.set(name, agent);
    for (const address of addresses) {
      const names = this.#byAddress.get(address);
      if (names === undefined) this.#byAddress.set(address, new Set([name]));
      else names.add(name);
    }
    return agent;
  }

  get(name: string): KnownAgent | undefined {
    return this.#agents.get(name);
  }

  /** Those that have become silent since the last call. */
  *fallSilent(now: number, afterMs: number): Generator<KnownAgent> {
    for (const agent of this.#agents.values()) {
      if (agent.silent || agent.gone || now - (agent.lastReportMs ?? now) <= afterMs) continue;
      agent.silent = true;
      yield agent;
    }
  }

  all(): KnownAgent[] {
    return [...this.#agents.values()];
  }

  /** The connected agent whose certificate names the address of a server (`address:port`). */
  speakingFor(server: string): KnownAgent | undefined {
    const host = hostOf(server);
    for (const name of this.#byAddress.get(host) ?? []) {
      const agent = this.#agents.get(name);
      if (agent?.connected && agent.addresses.includes(host)) return agent;
    }
    return undefined;
  }

  /** The same as decisions about a server's sessions need it. */
  stateFor(server: string): AgentState | undefined {
    const agent = this.speakingFor(server);
    if (agent === undefined) return undefined;
    const { name, silent, lastReportMs } = agent;
    return { name, able: obstacleFor(agent, server) === null, silent, lastReportMs };
  }

  /** What `inspect servers` says of a server's agent. */
  view(server: string): AgentView {
    const agent = this.speakingFor(server);
    if (agent === undefined) return { connected: false, bypass: "unknown", reason: null };
    const obstacle = obstacleFor(agent, server);
    return { connected: true, bypass: obstacle === null ? "able" : "unable", reason: obstacle };
  }
}

/** Why an agent cannot bypass for one of its servers (`address:port`), or null when it can. */
export function obstacleFor(agent: KnownAgent, server: string): string | null {
  if (agent.silent) return "it gives no sign of life";
  if (!agent.able) return agent.reason ?? "no reason given";
  return agent.unable[familyName(parseEndpoint(server).address)] ?? null;
}

/** What the NAT machine announces to an agent: what concerns its servers, and nothing else. */
export function announcementFor(config: NatConfig, addresses: readonly string[]): Announcement {
  const own = new Set(addresses);
  const services = config.services.filter((service) =>
    service.servers.some((server) => own.has(String(server.address.address)))
  );
  const families = new Set(services.map(({ vip }) => vip.address.family));
  return {
    snat: config.snat.addresses.filter(({ first }) => families.has(first.family))
      .map(({ first, last }) => ({ first: String(first), last: String(last) })),
    ports: { first: config.snat.portFirst, last: config.snat.portLast },
    services: services.map((service) => ({
      name: service.name,
      protocol: service.protocol,
      vip: formatEndpoint(service.vip),
    })),
    servers: [
      ...new Set(
        services.flatMap((service) => service.servers)
          .filter((server) => own.has(String(server.address.address)))
          .map((server) => formatEndpoint(server.address)),
      ),
    ],
  };
}
