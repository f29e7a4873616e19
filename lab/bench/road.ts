import type { BypathLab } from "../bypath_lab.ts";
import type { BenchSubject, Samples, TurnOptions } from "./bench.ts";

/** A server program's port on s1; the roads offer the same port of the VIP. */
export interface BenchService {
  readonly name: string;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** A way of bringing clients to the server: one module each, see roads/all.ts. */
export interface Road {
  readonly name: string;
  /** One line. */
  readonly description: string;
  readonly protocols: readonly BenchService["protocol"][];
  /** What this host lacks for it, or null. */
  lacking?(): Promise<string | null>;
  /** Opens it; when it rejects nothing is left open. */
  up(lab: BypathLab, services: readonly BenchService[]): Promise<OpenRoad>;
}

export interface OpenRoad {
  /** Where clients connect to. */
  readonly host: string;
  /** Programs that work for it besides the kernel. */
  readonly processes: readonly RoadProcess[];
  down(): Promise<void>;
}

export interface RoadProcess {
  readonly pid: number;
  /** The machine that it runs on. */
  readonly machine: "nat" | "server";
}

/**
 * Each road as a subject: opened for a turn, measured, closed.
 *
 * @param warmUp a load that is not counted, after the opening: programs that have just started are
 * still being compiled, and fill their caches
 */
export function subjectsOf(
  roads: readonly Road[],
  services: readonly BenchService[],
  measure: (lab: BypathLab, road: OpenRoad, options: TurnOptions, name: string) => Promise<Samples>,
  warmUp?: (lab: BypathLab, road: OpenRoad) => Promise<unknown>,
): BenchSubject[] {
  return roads.map((road) => ({
    name: road.name,
    async lacking() {
      const other = services.find(({ protocol }) => !road.protocols.includes(protocol));
      return other
        ? `it carries no ${other.protocol.toUpperCase()}`
        : await road.lacking?.() ?? null;
    },
    async measure(lab, options) {
      const open = await road.up(lab, services);
      try {
        if (options.warmUp) await warmUp?.(lab, open);
        return await measure(lab, open, options, road.name);
      } finally {
        await open.down();
      }
    },
  }));
}
