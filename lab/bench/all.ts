import type { Bench } from "./bench.ts";
import { bulkTcp } from "./bulk_tcp.ts";
import { captures } from "./captures.ts";
import { httpConnections, httpRequests } from "./http.ts";
import { latency } from "./latency.ts";
import { natLoad, natMachine } from "./nat_load.ts";
import { overload } from "./overload.ts";
import { sessions } from "./sessions.ts";
import { smallPackets } from "./small_packets.ts";
import { switchLatency } from "./switch_latency.ts";

/** In the order in which they are run. */
export const BENCHES: readonly Bench[] = [
  bulkTcp,
  httpRequests,
  httpConnections,
  smallPackets,
  latency,
  natLoad,
  natMachine,
  overload,
  sessions,
  switchLatency,
  captures,
];
