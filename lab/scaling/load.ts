import type { Assumed } from "./inputs.ts";
import type { Costs } from "./costs.ts";

/** What a mix asks of the NAT machine with one threshold. */
export interface Load {
  /** `bypass.start.bytes`: 0 is `immediately`, Infinity `never`. */
  readonly threshold: number;
  readonly meanBytes: number;
  /** Share of the sessions that get an instruction. */
  readonly instructed: number;
  /** Share of the response bytes that pass the NAT machine. */
  readonly viaNat: number;
  readonly instructionsPerGigabyte: number;
  /** Of one core of the NAT machine. */
  readonly secondsPerGigabyte: number;
}

/** Pure. */
export function loadOf(sizes: Float64Array, threshold: number, costs: Costs): Load {
  let bytes = 0;
  let bytesViaNat = 0;
  let instructions = 0;
  for (const size of sizes) {
    bytes += size;
    const crosses = size > threshold;
    if (crosses) instructions++;
    bytesViaNat += crosses ? Math.min(size, threshold + costs.overshootBytes) : size;
  }
  const seconds = sizes.length * costs.session + bytesViaNat * costs.viaNatByte +
    (bytes - bytesViaNat) * costs.bypassedByte + instructions * costs.instruction;
  return {
    threshold,
    meanBytes: bytes / sizes.length,
    instructed: instructions / sizes.length,
    viaNat: bytesViaNat / bytes,
    instructionsPerGigabyte: instructions / bytes * 1e9,
    secondsPerGigabyte: seconds / bytes * 1e9,
  };
}

export type Limit = "cores" | "link" | "control" | "servers";

export interface Carried {
  readonly gbit: number;
  /** What gives out first. */
  readonly limit: Limit;
}

/** How much one NAT machine and its servers serve, and what keeps them from more. Pure. */
export function carriedBy(
  load: Load,
  { cores, agents }: { readonly cores: number; readonly agents: number },
  costs: Costs,
  assumed: Assumed,
): Carried {
  const usableCores = 1 + assumed.furtherCore * (cores - 1);
  const gigabits: Readonly<Record<Limit, number>> = {
    cores: 8 * usableCores / load.secondsPerGigabyte,
    link: assumed.linkGbit / (load.viaNat + assumed.acknowledged),
    control: load.instructionsPerGigabyte === 0
      ? Infinity
      : 8 * costs.instructionsPerSecond / load.instructionsPerGigabyte,
    servers: agents * serverGbit(load, costs, assumed),
  };
  const [limit, gbit] = Object.entries(gigabits).reduce((least, each) =>
    each[1] < least[1] ? each : least
  ) as [Limit, number];
  return { gbit, limit };
}

/** One server: its link, or one packet worker of its agent, which carries all responses. */
function serverGbit({ threshold }: Load, costs: Costs, assumed: Assumed): number {
  if (threshold === Infinity) return assumed.serverGbit;
  return Math.min(assumed.serverGbit, 8 / (costs.agentByte * 1e9));
}
