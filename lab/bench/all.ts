import type { Bench } from "./bench.ts";
import { bulkTcp } from "./bulk_tcp.ts";
import { httpConnections, httpRequests } from "./http.ts";
import { natLoad } from "./nat_load.ts";
import { switchLatency } from "./switch_latency.ts";

/** In the order in which they are run. */
export const BENCHES: readonly Bench[] = [
  bulkTcp,
  httpRequests,
  httpConnections,
  natLoad,
  switchLatency,
];
