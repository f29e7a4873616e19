import { type Capability, missingCapabilities } from "../linux/capabilities.ts";
import { allowedCpus } from "../linux/process.ts";
import type { Link } from "../linux/rtnetlink.ts";

const ARPHRD_ETHER = 1;

/** Why a daemon cannot run on this host. */
export interface Obstacle {
  readonly message: string;
  /** The configuration does not fit this host, as opposed to: the host does not let us. */
  readonly configuration: boolean;
}

/** Why packets cannot be moved by the interface of that name, if anything speaks against it. */
export function interfaceObstacle(name: string, links: readonly Link[]): Obstacle[] {
  const link = links.find((it) => it.name === name);
  if (link !== undefined && link.hardwareType === ARPHRD_ETHER) return [];
  const known = links.filter((it) => it.hardwareType === ARPHRD_ETHER).map((it) => it.name);
  const why = link === undefined ? "there is no such interface" : "it is not an Ethernet interface";
  const message = `Cannot use interface "${name}": ${why}, this host has ${
    known.join(", ") || "none"
  }`;
  return [{ message, configuration: true }];
}

/** Why packet workers cannot stay on these CPUs, if anything speaks against it. */
export function cpuObstacle(cpus: readonly number[] = []): Obstacle[] {
  const allowed = cpus.length === 0 ? [] : allowedCpus();
  const missing = cpus.filter((cpu) => !allowed.includes(cpu));
  if (missing.length === 0) return [];
  const message = `Cannot stay on CPU ${missing.join(", ")}: this process may use ${
    allowed.join(", ")
  }, name some of these`;
  return [{ message, configuration: true }];
}

/** Which capabilities are missing to run `what`, if any. */
export function privilegeObstacle(what: string, needed: readonly Capability[]): Obstacle[] {
  const missing = missingCapabilities(needed);
  if (missing.length === 0) return [];
  const message = `Cannot run ${what}: needs ${
    missing.join(" and ")
  }, run it as root or with these capabilities`;
  return [{ message, configuration: false }];
}

/** The exit status that obstacles call for: 2 wrong configuration, 1 the host, 0 none. */
export function obstacleStatus(obstacles: readonly Obstacle[]): number {
  if (obstacles.some((it) => it.configuration)) return 2;
  return obstacles.length > 0 ? 1 : 0;
}
