import type { BypathLab } from "../../bypath_lab.ts";
import type { ServiceYaml } from "../../lab_files.ts";
import { ADDRESSES } from "../../topology.ts";
import type { BenchService, OpenRoad, Road } from "../road.ts";

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

function bypathRoad(
  { name, description, start, agent }: {
    readonly name: string;
    readonly description: string;
    readonly start: Start;
    readonly agent: boolean;
  },
): Road {
  return {
    name,
    description,
    protocols: ["tcp", "udp"],
    up: (lab, services) => bypathUp(lab, { services, start, agent }),
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
  { services, start, agent }: {
    readonly services: readonly BenchService[];
    readonly start: Start;
    readonly agent: boolean;
  },
): Promise<OpenRoad> {
  const down = async () => {
    await lab.stopDaemons();
    await forgetTable(lab);
  };
  try {
    await lab.startNat((config) => {
      config.capacity = 1_048_576;
      config.services = services.map(({ name, protocol, port }) => ({
        name,
        vip: ADDRESSES.vip,
        protocol,
        port,
        servers: [{ address: ADDRESSES.s1, port }],
        bypass: { start },
      }));
    });
    if (agent) await lab.startAgent("s1");
  } catch (error) {
    await down();
    throw error;
  }
  const processes = [
    { name: "bypath nat", pid: lab.nat.pid },
    ...(agent ? [{ name: "bypath agent", pid: lab.agent("s1").pid }] : []),
  ];
  return { host: ADDRESSES.vip, processes, down };
}
