import type { BypathLab } from "../bypath_lab.ts";
import type { Bench, Quantity, Samples, TurnOptions } from "./bench.ts";
import { RESPONSE_BYTES, startWebServer, WEB } from "./loads/web_server.ts";
import { wrk } from "./loads/wrk.ts";
import { kernelTicks, programSeconds } from "./meters/process_time.ts";
import { type OpenRoad, subjectsOf } from "./road.ts";
import { REFERENCE_ROADS, ROADS, WORKERS } from "./roads/all.ts";
import { REFERENCE_NOTE } from "./roads/reference.ts";

const CONNECTIONS = 64;
const REQUESTS = "requests a second";
const CONNECTS = "connections a second";
const COST = "CPU time of the NAT machine's process for each";
const IN_KERNEL = "of that in the kernel";
const COST_NOTE =
  "on a veth pair what is sent is carried up to the other side's TCP in the CPU time of whoever sends it";
/** Of the process that carries them, where the road has one. */
const COSTS: readonly Quantity[] = [
  { name: COST, unit: "µs", better: "less" },
  { name: IN_KERNEL, unit: "share", better: "less" },
];

/** Many small exchanges on connections that stay. */
export const httpRequests: Bench = {
  name: "http-requests",
  description: `HTTP requests a second on ${CONNECTIONS} connections that are kept (wrk, nginx)`,
  needs: ["wrk", "nginx"],
  rounds: 5,
  seconds: 3,
  quantities: [{ name: REQUESTS, unit: "1/s", better: "more" }, ...COSTS],
  aims: [
    { quantity: REQUESTS, subject: "bypath-nat", of: "haproxy", atLeast: 1 },
    { quantity: REQUESTS, subject: "bypath-nat", of: "nft", atLeast: 0.9 },
    { quantity: REQUESTS, subject: "bypath-nat", of: "reference-nat", atLeast: 0.95 },
  ],
  notes: [`each answer has ${RESPONSE_BYTES} bytes of content`, COST_NOTE, REFERENCE_NOTE],
  prepare: startWebServer,
  subjects: subjectsOf(
    [...ROADS, ...WORKERS, ...REFERENCE_ROADS],
    [WEB],
    measure({ quantity: REQUESTS, close: false }),
    warmUp({ close: false }),
  ),
};

/** A connection for each request: sessions come and go as fast as they can. */
export const httpConnections: Bench = {
  name: "http-connections",
  description: `HTTP connections a second, one request each, ${CONNECTIONS} at a time (wrk, nginx)`,
  needs: ["wrk", "nginx"],
  rounds: 5,
  seconds: 3,
  quantities: [{ name: CONNECTS, unit: "1/s", better: "more" }, ...COSTS],
  aims: [
    { quantity: CONNECTS, subject: "bypath-nat", of: "haproxy", atLeast: 1 },
    { quantity: CONNECTS, subject: "bypath-nat", of: "nft", atLeast: 0.9 },
    { quantity: CONNECTS, subject: "bypath-nat", of: "reference-nat", atLeast: 0.95 },
  ],
  notes: [
    "each road has new sessions from the first to the last exchange: connections a second are sessions set up " +
    "a second, server and client included",
    COST_NOTE,
    REFERENCE_NOTE,
  ],
  prepare: startWebServer,
  subjects: subjectsOf(
    [...ROADS, ...WORKERS, ...REFERENCE_ROADS],
    [WEB],
    measure({ quantity: CONNECTS, close: true }),
    warmUp({ close: true }),
  ),
};

function warmUp({ close }: { readonly close: boolean }) {
  return (lab: BypathLab, { host }: OpenRoad) =>
    wrk(lab, { host, connections: CONNECTIONS, seconds: 1, close });
}

function measure({ quantity, close }: { readonly quantity: string; readonly close: boolean }) {
  return async (
    lab: BypathLab,
    { host, processes }: OpenRoad,
    { seconds, note }: TurnOptions,
    road: string,
  ) => {
    const spent = spentAtNat(processes);
    const result = await wrk(lab, { host, connections: CONNECTIONS, seconds, close });
    const { requestsPerSecond, errors } = result;
    if (requestsPerSecond === 0) throw new Error("wrk had no answer");
    if (errors > 0) note(`${road}: wrk counted errors, ${errors} in one turn`);
    return {
      [quantity]: [requestsPerSecond],
      ...costs(spent, processes, requestsPerSecond * seconds),
    };
  };
}

interface Spent {
  readonly seconds: number;
  readonly kernelTicks: number;
  readonly ticks: number;
}

/** What the road's processes at the NAT machine have had so far. */
function spentAtNat(processes: OpenRoad["processes"]): Spent {
  const pids = processes.filter(({ machine }) => machine === "nat").map(({ pid }) => pid);
  const ticks = pids.map(kernelTicks);
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  return {
    seconds: sum(pids.map(programSeconds)),
    kernelTicks: sum(ticks.map(({ kernel }) => kernel)),
    ticks: sum(ticks.map(({ all }) => all)),
  };
}

function costs(before: Spent, processes: OpenRoad["processes"], exchanges: number): Samples {
  const after = spentAtNat(processes);
  const ticks = after.ticks - before.ticks;
  if (ticks <= 0) return {};
  return {
    [COST]: [(after.seconds - before.seconds) * 1e6 / exchanges],
    [IN_KERNEL]: [(after.kernelTicks - before.kernelTicks) / ticks],
  };
}
