import type { BypathLab } from "../../bypath_lab.ts";
import type { ServiceYaml } from "../../lab_files.ts";
import { ADDRESSES } from "../../topology.ts";
import type { BenchService, OpenRoad, Road, RoadProcess } from "../road.ts";

type Start = NonNullable<ServiceYaml["bypass"]>["start"];

export const bypathNat = bypathRoad({
  name: "bypath-nat",
  description: "bypath, responses by way of the NAT machine: `never`, no agent",
  start: { never: true },
  agent: false,
});

export const bypathBypass = bypathRoad({
  name: "bypath-bypass",
  description: "bypath, responses sent directly from the start: `immediately`",
  start: { immediately: true },
  agent: true,
});

export const bypathCriteria = bypathRoad({
  name: "bypath-criteria",
  description: "bypath, responses sent directly after 64 KiB",
  start: { bytes: "64KiB" },
  agent: true,
});

export const bypathNatPolling = bypathRoad({
  name: "bypath-nat-polling",
  description: "bypath-nat with `busyPoll: 1ms`: its packet thread asks on before it sleeps",
  start: { never: true },
  agent: false,
  busyPoll: "1ms",
});

export const bypathBypassPolling = bypathRoad({
  name: "bypath-bypass-polling",
  description: "bypath-bypass with `busyPoll: 1ms` on the NAT machine and the agent",
  start: { immediately: true },
  agent: true,
  busyPoll: "1ms",
});

export const bypathNatWorkers = bypathRoad({
  name: "bypath-nat-workers",
  description: "bypath-nat with `workers: 2`: two packet threads",
  start: { never: true },
  agent: false,
  workers: 2,
});

export const bypathNatUnshielded = bypathRoad({
  name: "bypath-nat-unshielded",
  description: "bypath-nat with `hostShield: false`: the NAT machine's kernel sees its packets too",
  start: { never: true },
  agent: false,
  hostShield: false,
});

interface BypathRoadOptions {
  readonly start: Start;
  readonly agent: boolean;
  /** Of both daemons; default: the program's. */
  readonly busyPoll?: string;
  readonly workers?: number;
  /** Default: the program's. */
  readonly hostShield?: boolean;
}

function bypathRoad(
  { name, description, ...options }: BypathRoadOptions & {
    readonly name: string;
    readonly description: string;
  },
): Road {
  return {
    name,
    description,
    protocols: ["tcp", "udp"],
    up: (lab, services) => bypathUp(lab, services, options),
  };
}

/**
 * Removes the session table and every sign of it: kept, it would give the next turn the sessions of
 * this one; half removed, it is a lost table, after which new sessions have to wait.
 */
export async function forgetTable({ folder }: BypathLab): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("nat.sessions")) await Deno.remove(`${folder}/${name}`);
  }
}

async function bypathUp(
  lab: BypathLab,
  services: readonly BenchService[],
  { start, agent, busyPoll, workers, hostShield }: BypathRoadOptions,
): Promise<OpenRoad> {
  const threads = (config: { busyPoll?: string | undefined; workers?: number | undefined }) => {
    if (busyPoll !== undefined) config.busyPoll = busyPoll;
    if (workers !== undefined) config.workers = workers;
  };
  const down = async () => {
    await lab.stopDaemons();
    await forgetTable(lab);
  };
  try {
    await lab.startNat((config) => {
      config.capacity = 1_048_576;
      // As many NAT endpoints as sessions.
      config.snat.addresses = ["10.0.1.1-10.0.1.16"];
      threads(config);
      if (hostShield !== undefined) config.hostShield = hostShield;
      config.services = services.map(({ name, protocol, port }) => ({
        name,
        vip: ADDRESSES.vip,
        protocol,
        port,
        servers: [{ address: ADDRESSES.s1, port }],
        bypass: { start },
      }));
    });
    if (agent) await lab.startAgent("s1", threads);
  } catch (error) {
    await down();
    throw error;
  }
  const processes: RoadProcess[] = [{ machine: "nat", pid: lab.nat.pid }];
  if (agent) processes.push({ machine: "server", pid: lab.agent("s1").pid });
  return { host: ADDRESSES.vip, processes, down };
}
