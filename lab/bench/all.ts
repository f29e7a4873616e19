import type { Bench } from "./bench.ts";
import { switchLatency } from "./switch_latency.ts";

/** In the order in which they are run. */
export const BENCHES: readonly Bench[] = [switchLatency];
