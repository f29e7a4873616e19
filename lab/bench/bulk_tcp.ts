import type { Aim, Bench, Quantity } from "./bench.ts";
import { IPERF, iperf, type IperfOptions } from "./loads/iperf.ts";
import { subjectsOf } from "./road.ts";
import { POLLING, REFERENCE_ROADS, ROADS } from "./roads/all.ts";
import { REFERENCE_NOTE } from "./roads/reference.ts";

const LOADS: readonly (Pick<IperfOptions, "direction" | "connections"> & { name: string })[] = [
  { name: "to the client, 1 connection", direction: "to-client", connections: 1 },
  { name: "to the client, 8 connections", direction: "to-client", connections: 8 },
  { name: "to the server, 1 connection", direction: "to-server", connections: 1 },
  { name: "to the server, 8 connections", direction: "to-server", connections: 8 },
];

/** Few connections that carry as much as they can. */
export const bulkTcp: Bench = {
  name: "bulk-tcp",
  description: "TCP at full speed each way, 1 and 8 connections (iperf3)",
  needs: ["iperf3"],
  rounds: 5,
  seconds: 3,
  quantities: LOADS.map(({ name }): Quantity => ({ name, unit: "bit/s", better: "more" })),
  aims: LOADS.flatMap(({ name, direction }): Aim[] => [
    { quantity: name, subject: "bypath-nat", of: "nft", atLeast: 0.95 },
    { quantity: name, subject: "bypath-nat", of: "reference-nat", atLeast: 0.95 },
    ...(direction === "to-client"
      ? [
        { quantity: name, subject: "bypath-bypass", of: "direct", atLeast: 0.95 },
        { quantity: name, subject: "bypath-bypass", of: "reference-bypass", atLeast: 0.95 },
      ]
      : []),
  ]),
  notes: [REFERENCE_NOTE],
  prepare: (lab) => lab.startIperf(),
  subjects: subjectsOf(
    [...ROADS, ...POLLING, ...REFERENCE_ROADS],
    [IPERF],
    async (lab, { host }, { seconds }) => {
      const samples: Record<string, number[]> = {};
      for (const { name, ...load } of LOADS) {
        samples[name] = [await iperf(lab, { ...load, host, seconds })];
      }
      return samples;
    },
    async (lab, { host }) => {
      for (const direction of ["to-client", "to-server"] as const) {
        await iperf(lab, { direction, connections: 8, host, seconds: 1 });
      }
    },
  ),
};
