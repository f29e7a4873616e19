import type { Unit } from "../bench/bench.ts";
import type { Figure, Measurements, Place } from "./measurements.ts";

const NAT_LOAD = "nat-load";
const NAT_TIME = "CPU time of the NAT machine's process for a gigabyte served";
const ALL_TIME = "CPU time of the whole machine for a gigabyte served";

/** Every figure that the model takes from a run of the benches, and where it stands there. */
export const MEASURED = {
  viaNatTime: { bench: NAT_LOAD, quantity: NAT_TIME, subject: "bypath-nat", unit: "s" },
  bypassTime: { bench: NAT_LOAD, quantity: NAT_TIME, subject: "bypath-bypass", unit: "s" },
  agentTime: {
    bench: NAT_LOAD,
    quantity: "CPU time of the agent for a gigabyte served",
    subject: "bypath-bypass",
    unit: "s",
  },
  hostTime: { bench: NAT_LOAD, quantity: ALL_TIME, subject: "bypath-nat", unit: "s" },
  directTime: { bench: NAT_LOAD, quantity: ALL_TIME, subject: "direct", unit: "s" },
  sessionRate: {
    bench: "sessions",
    quantity: "sessions set up a second",
    subject: "1,000,000 sessions",
    unit: "1/s",
  },
  packetIn: {
    bench: "small-packets",
    quantity: "CPU time of the NAT machine's process for a packet, to the server",
    subject: "bypath-nat",
    unit: "µs",
  },
  packetOut: {
    bench: "small-packets",
    quantity: "CPU time of the NAT machine's process for a packet, to the client",
    subject: "bypath-nat",
    unit: "µs",
  },
  connections: {
    bench: "http-connections",
    quantity: "connections a second",
    subject: "bypath-nat",
    unit: "1/s",
  },
  instructedConnections: {
    bench: "http-connections",
    quantity: "connections a second",
    subject: "bypath-bypass",
    unit: "1/s",
  },
  switchTime: {
    bench: "switch-latency",
    quantity: "time to the first direct packet",
    subject: "TCP at 50 MB/s, after 64 KiB",
    unit: "ms",
  },
  baseMemory: {
    bench: "sessions",
    quantity: "resident memory of the process",
    subject: "10,000 sessions",
    unit: "B",
  },
  sessionMemory: {
    bench: "sessions",
    quantity: "memory added for each session",
    subject: "1,000,000 sessions",
    unit: "B",
  },
} as const satisfies Readonly<Record<string, Place & { readonly unit: Unit }>>;

export type MeasuredName = keyof typeof MEASURED;
export type Measured = Readonly<Record<MeasuredName, Figure>>;

/** @throws {LabUsageError} naming the bench that is missing in the run */
export function measuredOf(run: Measurements): Measured {
  const figures = Object.entries(MEASURED).map(([name, place]) => [name, run.figure(place)]);
  return Object.fromEntries(figures) as Measured;
}

/** One value for each input: the medians, or what a question of sensitivity puts in their place. */
export type Values = Readonly<Record<MeasuredName, number>>;

export function medians(measured: Measured): Values {
  const values = Object.entries(measured).map(([name, { median }]) => [name, median]);
  return Object.fromEntries(values) as Values;
}

/** What no bench says. Each can be set on the command line. */
export const ASSUMED = {
  linkGbit: [25, "the NAT machine's one interface, Gbit/s each way"],
  serverGbit: [10, "a server's interface, Gbit/s each way"],
  furtherCore: [0.8, "what each further core adds to the first one"],
  sessionMbit: [100, "how fast the responses of one session come, Mbit/s"],
  packets: [10, "packets of a short session both ways, from its SYN to its last FIN"],
  acknowledged: [0.023, "bytes of acknowledgements for a byte served: 66 for two segments of 1448"],
  natPart: [1, "the NAT machine's part in what an instruction costs both machines"],
  heldSeconds: [60, "how long a session stays in the table, from its first packet on, s"],
  responses: [1, "responses on one connection, of the sizes of its mix"],
  spread: [1.5, "σ of the log-normal sizes in each class of the CDN's mixes"],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

export type AssumedName = keyof typeof ASSUMED;
export type Assumed = Readonly<Record<AssumedName, number>>;

export const ASSUMED_VALUES = Object.fromEntries(
  Object.entries(ASSUMED).map(([name, [value]]) => [name, value]),
) as Assumed;
