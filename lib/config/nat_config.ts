import type { SchedulerName } from "../policy/scheduler.ts";
import type { Endpoint } from "../wire/address.ts";
import type { AddressRange } from "../wire/prefix.ts";
import type { TransportName } from "../wire/protocol.ts";
import { besideFile, pemFilesOf } from "./files.ts";
import { checkDocument, type ConfigText, readConfigText } from "./load.ts";
import { checkNatDocument } from "./nat_checks.ts";
import { type NatDocument, natSchema } from "./nat_schema.ts";
import type { ConfigProblem } from "./problem.ts";

export interface ServerConfig {
  readonly address: Endpoint;
  /** 0-1000; 0: no new sessions. Not every server of a service has 0. */
  readonly weight: number;
}

export interface HealthConfig {
  readonly tcp: true;
  readonly intervalMs: number;
  /** At most the interval. */
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

/** When a bypass starts: exactly `never`, or exactly `immediately`, or when the first of the others is met. */
export interface StartConfig {
  readonly never?: true;
  readonly immediately?: true;
  /** Response packets of the session. */
  readonly packets?: number;
  /** IP bytes of the session's response packets. */
  readonly bytes?: number;
}

export interface ServiceConfig {
  readonly name: string;
  readonly vip: Endpoint;
  readonly protocol: TransportName;
  readonly scheduler: SchedulerName;
  /** At least one. */
  readonly servers: readonly ServerConfig[];
  readonly health?: HealthConfig;
  readonly bypass: { readonly start: StartConfig; readonly stop: { readonly idleMs?: number } };
}

export interface ControlConfig {
  readonly listen: Endpoint;
  /** Absolute paths of PEM files. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly leaseMs: number;
  /** At most a third of the lease. */
  readonly reportMs: number;
}

export interface TimeoutsConfig {
  readonly tcpOpeningMs: number;
  readonly tcpEstablishedMs: number;
  readonly tcpClosingMs: number;
  readonly udpOpeningMs: number;
  readonly udpMs: number;
}

/** nat.yaml as plain values, every default filled in. */
export interface NatConfig {
  /** One or two names. */
  readonly interfaces: readonly string[];
  readonly snat: {
    /** In the order of the file; they do not overlap. */
    readonly addresses: readonly AddressRange[];
    readonly portFirst: number;
    readonly portLast: number;
  };
  readonly services: readonly ServiceConfig[];
  /** Absent: no agents, no bypass. */
  readonly control?: ControlConfig;
  readonly announce: boolean;
  /** What a client gets that cannot be served: RST or ICMP unreachable, or nothing. */
  readonly refuse: "reject" | "drop";
  /** Whether the VIPs answer ping. */
  readonly echo: boolean;
  readonly metrics?: Endpoint;
  /** Absolute paths. */
  readonly socket: string;
  readonly state: string;
  readonly timeouts: TimeoutsConfig;
  readonly quarantineMs: number;
  readonly capacity: number;
  readonly engine: "raw";
  /** What is worth telling the operator, though nothing is wrong. */
  readonly notices: readonly ConfigProblem[];
}

// Promised by the interface and not there yet: one clear line instead of "unknown key".
const LATER = new Map([
  ["services[].bypass.start", ["age", "rate", "all", "load", "where"]],
  ["services[].bypass.stop", ["rate", "age"]],
  ["services[].health", ["http", "agent"]],
]);

/**
 * Reads nat.yaml.
 *
 * @throws ConfigError with everything that is wrong
 */
export function loadNatConfig(path: string): NatConfig {
  return parseNatConfig(readConfigText(path));
}

/**
 * The same of a text; the files that it names must be there.
 *
 * @throws ConfigError with everything that is wrong
 */
export function parseNatConfig(text: ConfigText): NatConfig {
  const { document, notices } = checkDocument(text, {
    schema: natSchema,
    later: LATER,
    check: checkNatDocument,
    pemFiles: ({ control }) => pemFilesOf(text.file, ["control"], control),
    notice(draft, report) {
      if (draft.metrics) report(["metrics"], "not available in this version, ignored");
    },
  });
  return natConfigOf(text.file, document, notices);
}

function natConfigOf(
  file: string,
  document: NatDocument,
  notices: readonly ConfigProblem[],
): NatConfig {
  const { snat, services, control, metrics, timeouts } = document;
  return {
    interfaces: document.interfaces,
    snat: {
      addresses: snat.addresses,
      portFirst: snat.ports.first,
      portLast: snat.ports.last,
    },
    services: services.map(serviceOf),
    ...(control && {
      control: {
        listen: control.listen,
        ca: besideFile(file, control.ca),
        certificate: besideFile(file, control.certificate),
        key: besideFile(file, control.key),
        leaseMs: control.lease,
        reportMs: control.report,
      },
    }),
    announce: document.announce,
    refuse: document.refuse,
    echo: document.echo,
    ...(metrics && { metrics }),
    socket: besideFile(file, document.socket),
    state: besideFile(file, document.state),
    timeouts: {
      tcpOpeningMs: timeouts.tcpOpening,
      tcpEstablishedMs: timeouts.tcpEstablished,
      tcpClosingMs: timeouts.tcpClosing,
      udpOpeningMs: timeouts.udpOpening,
      udpMs: timeouts.udp,
    },
    quarantineMs: document.quarantine,
    capacity: document.capacity,
    engine: document.engine,
    notices,
  };
}

function serviceOf(service: NatDocument["services"][number]): ServiceConfig {
  const { name, vip, protocol, port, scheduler, servers, health, bypass } = service;
  const { never, immediately, packets, bytes } = bypass.start;
  const { idle } = bypass.stop;
  return {
    name,
    vip: { address: vip, port },
    protocol,
    scheduler,
    servers: servers.map((server) => ({
      address: { address: server.address, port: server.port ?? port },
      weight: server.weight,
    })),
    ...(health && {
      health: {
        tcp: true,
        intervalMs: health.interval,
        timeoutMs: health.timeout,
        rise: health.rise,
        fall: health.fall,
      },
    }),
    bypass: {
      start: {
        ...(never && { never }),
        ...(immediately && { immediately }),
        ...(packets !== undefined && { packets }),
        ...(bytes !== undefined && { bytes }),
      },
      stop: { ...(idle !== undefined && { idleMs: idle }) },
    },
  };
}
