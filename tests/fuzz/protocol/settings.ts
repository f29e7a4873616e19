/**
 * The small world of the protocol's model: few ports, few clients, short times, so that ports and
 * addresses come back often, and lie in everybody's way.
 *
 * @module
 */

import { type NatConfig, parseNatConfig } from "../../../lib/config/nat_config.ts";

export const LEASE_MS = 4000;
export const MARGIN_MS = 400;
/** Of the agents' clocks against the NAT machine's: together less than the margin allows for one lease. */
export const CLOCK_RATES = [1.04, 0.96] as const;
/** No packet lives longer, wherever it waits. */
export const PACKET_LIFE_MS = 600;
/** For how long an agent's worker may stand still and send on what waited in its device. */
export const STILL_MS = 200;
/**
 * Longer than a packet lives, waits at an agent and lives after that, from the last that a server sends;
 * much shorter than a lease.
 */
export const QUARANTINE_MS = 1500;
export const PORTS = 2;
export const NAT_ADDRESS = "10.0.1.1";
export const FIRST_PORT = 20000;
export const NAT_NAME = "10.0.0.1:7400";
export const SERVERS = ["10.0.0.11", "10.0.0.12"] as const;
export const CAPACITY = 64;
/** Records that a ring between the threads holds; so few that it is full now and then. */
export const RING = 4;

export type Protocol = "tcp" | "udp";

export const VIPS: Readonly<Record<Protocol, string>> = {
  tcp: "203.0.113.10:80",
  udp: "203.0.113.10:53",
};

/** Each client endpoint has one conversation at a time, with the service of its protocol. */
export const CLIENTS: readonly { readonly endpoint: string; readonly protocol: Protocol }[] = [
  { endpoint: "198.51.100.2:40000", protocol: "tcp" },
  { endpoint: "198.51.100.2:40001", protocol: "tcp" },
  { endpoint: "198.51.100.3:40000", protocol: "tcp" },
  { endpoint: "198.51.100.3:40001", protocol: "tcp" },
  { endpoint: "198.51.100.4:40000", protocol: "tcp" },
  { endpoint: "198.51.100.4:40001", protocol: "tcp" },
  { endpoint: "198.51.100.2:50000", protocol: "udp" },
  { endpoint: "198.51.100.3:50000", protocol: "udp" },
  { endpoint: "198.51.100.4:50000", protocol: "udp" },
  { endpoint: "198.51.100.4:50001", protocol: "udp" },
];

const parse = (web: string) => {
  const config = parseNatConfig({
    file: "/nat.yaml",
    text: `
interfaces: [eth0]
snat: { addresses: [${NAT_ADDRESS}], ports: ${FIRST_PORT}-${FIRST_PORT + PORTS - 1} }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    scheduler: round-robin
    ${web}
  - name: dns
    vip: 203.0.113.10
    protocol: udp
    port: 53
    scheduler: round-robin
    servers: [{ address: ${SERVERS[0]}, port: 5353 }]
    bypass: { start: { immediately: true }, stop: { idle: 3s } }
`,
  });
  return {
    ...config,
    capacity: CAPACITY,
    quarantineMs: QUARANTINE_MS,
    timeouts: {
      tcpOpeningMs: 2000,
      tcpEstablishedMs: 12_000,
      tcpClosingMs: 1000,
      udpOpeningMs: 1500,
      udpMs: 5000,
    },
  };
};

const BOTH = `servers: [{ address: ${SERVERS[0]}, port: 8080 }, { address: ${
  SERVERS[1]
}, port: 8080 }]`;

/** What an operator may load; the first is the one that all begins and ends with. */
export const CONFIGS: readonly NatConfig[] = [
  parse(`${BOTH}\n    bypass: { start: { packets: 2 }, stop: { idle: 3s } }`),
  parse(`${BOTH}\n    bypass: { start: { immediately: true } }`),
  parse(`${BOTH}\n    bypass: { start: { never: true } }`),
  parse(`servers: [{ address: ${SERVERS[0]}, port: 8080 }]`),
];

/**
 * Rules that can be broken on purpose, each by what surrounds the real code, to show that the model
 * would find it.
 */
export interface BrokenRules {
  /** The NAT machine takes a lease for over while it runs. */
  readonly leaseEndsEarly?: boolean;
  /** The agent acknowledges a stop before its worker has let go. */
  readonly stopAckedAtOnce?: boolean;
  /** The agent counts its lease from the grant's receipt. */
  readonly leaseFromReceipt?: boolean;
  /** The agent sends on whatever waited in its device. */
  readonly backlogSent?: boolean;
  /** A NAT machine that lost its table does not wait for the leases of before. */
  readonly noWaitAfterLoss?: boolean;
  /** A NAT machine that continues a table forgets the instructions in it. */
  readonly noRestore?: boolean;
}
