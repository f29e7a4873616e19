/**
 * What becomes of sessions whose table was lost: agents still know those that bypassed, with all four endpoints, and
 * what they say is taken as far as the configuration allows it. Pure.
 *
 * @module
 */

import type { TableEntry } from "../control/messages.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../wire/address.ts";
import { type AddressRange, rangeContains } from "../wire/prefix.ts";
import { protocolNumber, type TransportName } from "../wire/protocol.ts";

/** What NAT endpoints there are. */
export interface NatEndpointRange {
  readonly addresses: readonly AddressRange[];
  readonly portFirst: number;
  readonly portLast: number;
}

export function isNatEndpoint(range: NatEndpointRange, { address, port }: Endpoint): boolean {
  return port >= range.portFirst && port <= range.portLast &&
    range.addresses.some((addresses) => rangeContains(addresses, address));
}

/** What a session may be, by the configuration and by the certificate of the agent that speaks of it. */
export interface RebuildRules {
  readonly services: readonly {
    readonly protocol: TransportName;
    readonly vip: Endpoint;
    readonly servers: readonly { readonly address: Endpoint }[];
  }[];
  readonly snat: NatEndpointRange;
  /** Those of the agent's certificate, canonical. */
  readonly agentAddresses: readonly string[];
}

/** An endpoint in numbers, so that it can be sent to the packet worker. */
export interface RebuiltEndpoint {
  readonly words: readonly number[];
  readonly port: number;
}

/** A session as an agent knows it. */
export interface RebuiltSession {
  readonly protocol: number;
  readonly client: RebuiltEndpoint;
  readonly vip: RebuiltEndpoint;
  readonly nat: RebuiltEndpoint;
  readonly server: RebuiltEndpoint;
  /** 0: not known. */
  readonly pathMtu: number;
  /** The server has sent its FIN. */
  readonly serverFin: boolean;
}

/** What is left out of a rebuild, and how often. */
export type NotRebuilt = Record<string, number>;

/**
 * The sessions that an agent's entries of an earlier epoch describe. Of two that would share an endpoint the
 * later one counts: an agent offers what it held last at the end.
 */
export function sessionsToRebuild(
  offers: readonly TableEntry[],
  rules: RebuildRules,
): { readonly sessions: RebuiltSession[]; readonly left: NotRebuilt } {
  const sessions: RebuiltSession[] = [];
  const left: NotRebuilt = {};
  const taken = new Set<string>();
  for (const offer of offers.toReversed()) {
    const session = rebuiltSession(offer, rules, taken);
    if (typeof session !== "string") sessions.push(session);
    else left[session] = (left[session] ?? 0) + 1;
  }
  return { sessions: sessions.reverse(), left };
}

/** The session, or why it cannot be. */
function rebuiltSession(
  offer: TableEntry,
  rules: RebuildRules,
  taken: Set<string>,
): RebuiltSession | string {
  const { protocol, match, rewrite, pathMtu = 0, fin, rst } = offer;
  if (rst) return "over";
  let client: Endpoint, vip: Endpoint, nat: Endpoint, server: Endpoint;
  try {
    [server, nat] = [parseEndpoint(match.source), parseEndpoint(match.destination)];
    [vip, client] = [parseEndpoint(rewrite.source), parseEndpoint(rewrite.destination)];
  } catch {
    return "unreadable";
  }
  const all = [client, vip, nat, server];
  if (all.some(({ address, port }) => port === 0 || address.family !== vip.address.family)) {
    return "unreadable";
  }
  if (!rules.agentAddresses.includes(String(server.address))) return "not the agent's server";
  const service = rules.services.find((it) => it.protocol === protocol && same(it.vip, vip));
  if (service === undefined) return "no such service";
  if (!service.servers.some(({ address }) => same(address, server))) return "no such server";
  if (!isNatEndpoint(rules.snat, nat)) return "no such NAT endpoint";
  const isOurs = rules.services.some((it) => it.vip.address.equals(client.address)) ||
    rules.snat.addresses.some((range) => rangeContains(range, client.address));
  if (isOurs) return "not a client";
  const keys = [
    `${protocol} ${formatEndpoint(nat)} ${formatEndpoint(server)}`,
    `${protocol} ${formatEndpoint(client)} ${formatEndpoint(vip)}`,
  ];
  if (keys.some((key) => taken.has(key))) return "superseded";
  for (const key of keys) taken.add(key);
  return {
    protocol: protocolNumber(protocol),
    client: inNumbers(client),
    vip: inNumbers(vip),
    nat: inNumbers(nat),
    server: inNumbers(server),
    pathMtu,
    serverFin: fin,
  };
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address.equals(b.address);
}

function inNumbers({ address, port }: Endpoint): RebuiltEndpoint {
  return { words: [...address.words], port };
}
