import type { PassiveSettings } from "../policy/health_passive.ts";
import type { SchedulerName } from "../policy/scheduler.ts";
import type { Endpoint } from "../wire/address.ts";
import type { AddressRange } from "../wire/prefix.ts";
import type { TransportName } from "../wire/protocol.ts";
import { besideFile, pemFilesOf } from "./files.ts";
import { type BypassConfig, bypassOf } from "./criteria_config.ts";
import type { Expression } from "./expression.ts";
import { checkDocument, type ConfigText, readConfigText } from "./load.ts";
import { checkNatDocument } from "./nat_checks.ts";
import { type NatDocument, natSchema } from "./nat_schema.ts";
import type { ConfigProblem } from "./problem.ts";
import type { StatusRange } from "./units.ts";

export interface ServerConfig {
  readonly address: Endpoint;
  /** 0-1000; 0: no new sessions. Not every server of a service has 0. */
  readonly weight: number;
}

export interface HttpCheckConfig {
  /** Begins with a slash. */
  readonly path: string;
  /** Of a good answer. */
  readonly status: readonly StatusRange[];
  /** Absent: the server's endpoint. */
  readonly host?: string;
}

/** At most one of `tcp`, `http` and `agent`; none when there is `passive` alone. */
export interface HealthConfig {
  readonly tcp?: true;
  readonly http?: HttpCheckConfig;
  readonly agent?: true;
  readonly passive?: PassiveSettings;
  readonly intervalMs: number;
  /** At most the interval. */
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

export interface AffinityConfig {
  /** How much of a client's address counts. */
  readonly ipv4: number;
  readonly ipv6: number;
  readonly timeoutMs: number;
}

export interface ServiceConfig {
  readonly name: string;
  readonly vip: Endpoint;
  readonly protocol: TransportName;
  readonly scheduler: SchedulerName;
  /** At least one. */
  readonly servers: readonly ServerConfig[];
  readonly health?: HealthConfig;
  /** 0: none. */
  readonly slowStartMs: number;
  readonly affinity?: AffinityConfig;
  readonly bypass: BypassConfig;
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
  /** Most instructions for each agent. */
  readonly instructions: number;
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
  /** Packet workers. */
  readonly workers: number;
  /** One for each packet worker; absent: the kernel decides. */
  readonly cpus?: readonly number[];
  /** How long packet workers ask again before they sleep; 0: not at all. */
  readonly busyPollUs: number;
  /** Whether the host's own kernel is spared what packet sockets have taken; auto: where it can be. */
  readonly hostShield: "auto" | boolean;
  readonly engine: "raw";
  /** What is worth telling the operator, though nothing is wrong. */
  readonly notices: readonly ConfigProblem[];
}

/**
 * Reads nat.yaml.
 *
 * @throws ConfigError with everything that is wrong
 */
export async function loadNatConfig(path: string): Promise<NatConfig> {
  const text = readConfigText(path);
  // A library of its own, for the few that have expressions.
  const { readExpression } = /\bwhere\b/.test(text.text)
    ? await import("./expression.ts")
    : { readExpression: undefined };
  return parseNatConfig(text, readExpression);
}

/**
 * The same of a text; the files that it names must be there.
 *
 * @param readExpression reads a `where:`; absent: there must be none
 * @throws ConfigError with everything that is wrong
 */
export function parseNatConfig(
  text: ConfigText,
  readExpression: (text: string) => Expression = () => {
    throw new TypeError("expressions cannot be read here");
  },
): NatConfig {
  /** By number of the service. */
  const expressions = new Map<number, Expression>();
  const { document, notices } = checkDocument(text, {
    schema: natSchema,
    check(draft, report) {
      checkNatDocument(draft, report);
      draft.services?.forEach((service, index) => {
        const where = service?.bypass?.start?.where;
        if (where === undefined) return;
        try {
          expressions.set(index, readExpression(where));
        } catch (error) {
          report(["services", index, "bypass", "start", "where"], (error as Error).message);
        }
      });
    },
    pemFiles: ({ control }) => pemFilesOf(text.file, ["control"], control),
  });
  return natConfigOf(text.file, document, { notices, expressions });
}

function natConfigOf(
  file: string,
  document: NatDocument,
  { notices, expressions }: {
    notices: readonly ConfigProblem[];
    expressions: ReadonlyMap<number, Expression>;
  },
): NatConfig {
  const { snat, services, control, metrics, timeouts } = document;
  return {
    interfaces: document.interfaces,
    snat: {
      addresses: snat.addresses,
      portFirst: snat.ports.first,
      portLast: snat.ports.last,
    },
    services: services.map((service, index) => serviceOf(service, expressions.get(index))),
    ...(control && {
      control: {
        listen: control.listen,
        ca: besideFile(file, control.ca),
        certificate: besideFile(file, control.certificate),
        key: besideFile(file, control.key),
        leaseMs: control.lease,
        reportMs: control.report,
        instructions: control.instructions,
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
    workers: document.workers,
    ...(document.cpus && { cpus: document.cpus }),
    busyPollUs: document.busyPoll,
    hostShield: document.hostShield,
    engine: document.engine,
    notices,
  };
}

function serviceOf(
  service: NatDocument["services"][number],
  where: Expression | undefined,
): ServiceConfig {
  const { name, vip, protocol, port, scheduler, servers, health, bypass } = service;
  const { slowStart, affinity } = service;
  return {
    name,
    vip: { address: vip, port },
    protocol,
    scheduler,
    servers: servers.map((server) => ({
      address: { address: server.address, port: server.port ?? port },
      weight: server.weight,
    })),
    ...(health && { health: healthOf(health) }),
    slowStartMs: slowStart ?? 0,
    ...(affinity && {
      affinity: {
        ...(affinity.client === true ? { ipv4: 32, ipv6: 128 } : affinity.client),
        timeoutMs: affinity.timeout,
      },
    }),
    bypass: bypassOf(bypass, where),
  };
}

function healthOf(
  health: NonNullable<NatDocument["services"][number]["health"]>,
): HealthConfig {
  const { tcp, http, agent, passive } = health;
  return {
    ...(tcp && { tcp: true }),
    ...(http && {
      http: {
        path: http.path,
        status: http.status,
        ...(http.host !== undefined && { host: http.host }),
      },
    }),
    ...(agent && { agent: true }),
    ...(passive && { passive: { failures: passive.failures, withinMs: passive.within } }),
    intervalMs: health.interval,
    timeoutMs: health.timeout,
    rise: health.rise,
    fall: health.fall,
  };
}
