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
  /** Programs that work for it besides the kernel, by name. */
  readonly processes: readonly RoadProcess[];
  down(): Promise<void>;
}

export interface RoadProcess {
  readonly name: string;
  readonly pid: number;
}

/** Each road as a subject: opened for a turn, measured, closed. */
export function subjectsOf(
  roads: readonly Road[],
  services: readonly BenchService[],
  measure: (lab: BypathLab, road: OpenRoad, options: TurnOptions, name: string) => Promise<Samples>,
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
        return await measure(lab, open, options, road.name);
      } finally {
        await open.down();
      }
    },
  }));
}
