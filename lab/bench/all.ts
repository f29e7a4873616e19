import type { Bench } from "./bench.ts";
import { bulkTcp } from "./bulk_tcp.ts";
import { switchLatency } from "./switch_latency.ts";

/** In the order in which they are run. */
export const BENCHES: readonly Bench[] = [bulkTcp, switchLatency];
