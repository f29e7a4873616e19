import type { SessionTimeouts } from "../session/tcp_state.ts";
import { startCriteria, type StartSettings, type Thresholds } from "../policy/criteria.ts";
import type { BypassConfig, ThresholdConfig } from "../config/criteria_config.ts";
import type { AffinityConfig, NatConfig, ServiceConfig } from "../config/nat_config.ts";
import {
  addressAt,
  type AddressRange,
  countAddresses,
  type Prefix,
  prefixesOfRange,
  rangeOfPrefix,
} from "../wire/prefix.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import type { Endpoint } from "../wire/address.ts";

/** What the packet worker needs of a configuration: numbers alone, so that it can be sent there. */
export interface DatapathConfig {
  /** What is addressed to us, VIPs and SNAT addresses, as few prefixes as possible. */
  readonly destinations: readonly { readonly words: readonly number[]; readonly length: number }[];
  readonly snat: readonly (readonly number[])[];
  readonly portFirst: number;
  readonly portLast: number;
  readonly timeouts: SessionTimeouts;
  /** How long an agent may take to report what it has seen. Default 0. */
  readonly reportsLateMs?: number;
  /** Are those told who cannot be served, or left in silence? */
  readonly reject: boolean;
  /** Do the VIPs answer echo requests? */
  readonly echo: boolean;
  readonly services: readonly DatapathService[];
}

export interface DatapathEndpoint {
  /** Address, 4 words. */
  readonly words: readonly number[];
  readonly port: number;
}

export interface DatapathService {
  readonly name: string;
  readonly protocol: number;
  readonly vip: DatapathEndpoint;
  readonly scheduler: ServiceConfig["scheduler"];
  readonly servers: readonly (DatapathEndpoint & { readonly weight: number })[];
  readonly start: StartSettings;
  readonly affinity?: AffinityConfig;
  /** Memory of a ServerBoard, written by all threads; absent: the worker's own. */
  readonly board?: SharedArrayBuffer;
  /** How many packet workers the board has columns for. Default 1. */
  readonly workers?: number;
  /** With the scheduler `maglev`: its lookup table, made elsewhere. */
  readonly maglev?: SharedArrayBuffer;
}

/** In report intervals: one to wait for the report, and some of another for its way here. */
const REPORTS_LATE = 1.5;

/** Picks out of a configuration what concerns packets. */
export function datapathConfig(config: NatConfig): DatapathConfig {
  const snat: number[][] = [];
  for (const range of config.snat.addresses) {
    const count = countAddresses(range);
    for (let i = 0; i < count; i++) snat.push([...addressAt(range, i).words]);
  }
  return {
    destinations: destinationsOf(config).map(({ address, length }) => ({
      words: [...address.words],
      length,
    })),
    snat,
    portFirst: config.snat.portFirst,
    portLast: config.snat.portLast,
    ...(config.control && { reportsLateMs: REPORTS_LATE * config.control.reportMs }),
    reject: config.refuse === "reject",
    echo: config.echo,
    timeouts: { ...config.timeouts, quarantineMs: config.quarantineMs },
    services: config.services.map((service) => ({
      name: service.name,
      protocol: service.protocol === "tcp" ? PROTOCOL_TCP : PROTOCOL_UDP,
      vip: endpoint(service.vip),
      scheduler: service.scheduler,
      servers: service.servers.map((s) => ({ ...endpoint(s.address), weight: s.weight })),
      start: startSettings(service.bypass),
      ...(service.affinity && { affinity: service.affinity }),
    })),
  };
}

/** The criteria that the packet worker compares; what restricts them is asked of the main thread. */
export function startSettings({ start }: BypassConfig): StartSettings {
  const { never, immediately, all, where } = start;
  return {
    ...(never && { never }),
    ...(immediately && { immediately }),
    ...thresholds(start),
    ...(all && { all: Object.assign({}, ...all.map(thresholds)) }),
    ...(where?.metered && { metered: true }),
  };
}

/** Asked of every session; what is configured stays as it is. */
const metered = new WeakMap<BypassConfig, boolean>();

/** Does the packet worker measure the rates of sessions by these criteria? */
export function isMetered(bypass: BypassConfig): boolean {
  let known = metered.get(bypass);
  if (known === undefined) {
    known = startCriteria(startSettings(bypass)).metered;
    metered.set(bypass, known);
  }
  return known;
}

function thresholds({ packets, bytes, ageMs, rate }: ThresholdConfig): Thresholds {
  return {
    ...(packets !== undefined && { packets }),
    ...(bytes !== undefined && { bytes }),
    ...(ageMs !== undefined && { ageMs }),
    ...(rate?.of === "bytes" && { byteRate: rate.perSecond }),
    ...(rate?.of === "packets" && { packetRate: rate.perSecond }),
  };
}

/** The prefixes of a configuration's VIPs and SNAT addresses: what the NAT machine answers for. */
export function destinationsOf(config: NatConfig): Prefix[] {
  const vips = new Map(config.services.map(({ vip }) => [String(vip.address), vip.address]));
  return [
    ...[...vips.values()].map((vip) => ({ address: vip, length: vip.family === 4 ? 32 : 128 })),
    ...config.snat.addresses.flatMap(({ first, last }) => prefixesOfRange(first, last)),
  ];
}

/** The prefixes of a configuration's SNAT addresses: packets for them come from servers. */
export function natPrefixes({ snat }: NatConfig): Prefix[] {
  return snat.addresses.flatMap(({ first, last }) => prefixesOfRange(first, last));
}

/** The same as ranges. */
export function addressesOf(config: NatConfig): AddressRange[] {
  return destinationsOf(config).map(rangeOfPrefix);
}

function endpoint(from: Endpoint): DatapathEndpoint {
  return { words: [...from.address.words], port: from.port };
}
