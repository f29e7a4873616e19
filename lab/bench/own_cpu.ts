import type { BypathLab } from "../bypath_lab.ts";
import { mustRunHost } from "../host_command.ts";
import { processesIn } from "../namespace.ts";
import { NODE_NAMES, type NodeName, TOPOLOGY } from "../topology.ts";

/** The CPU of the NAT machine. */
export const NAT_CPU = 0;

/**
 * Gives the NAT machine a CPU of its own, and all the rest of the lab the others.
 *
 * On a veth pair the kernel's whole way of a packet is the sender's work: the NAT machine's program
 * would be charged with what client and server do about its packets. With receive packet steering
 * (Documentation/networking/scaling.rst) each machine receives on its own CPUs. Programs that this one
 * starts meanwhile, such as clients, begin on the others' CPUs.
 */
export class OwnCpu implements AsyncDisposable {
  /**
   * @param stay processes of the lab that keep the CPUs that they have, such as meters
   * @param steered the machines whose packets are received on their own CPUs: what comes to the others
   * is received by whoever sends it
   * @throws {HostCommandError} where there is one CPU only
   */
  static async give(
    lab: BypathLab,
    { stay = [], steered = NODE_NAMES }: {
      readonly stay?: readonly number[];
      readonly steered?: readonly NodeName[];
    } = {},
  ): Promise<OwnCpu> {
    const cpus = navigator.hardwareConcurrency;
    const others = `1-${cpus - 1}`;
    for (const { name, interfaces } of TOPOLOGY.nodes) {
      const own = name === "nat" ? NAT_CPU : others;
      const mask = name === "nat" ? 1n << BigInt(NAT_CPU) : (1n << BigInt(cpus)) - 2n;
      const files = interfaces.map(({ device }) => `/sys/class/net/${device}/queues/rx-0/rps_cpus`);
      await lab.lab.mustRun(name, ["tee", ...files], maskText(steered.includes(name) ? mask : 0n));
      const programs = await processesIn(lab.lab.namespace(name));
      for (const pid of programs.filter((pid) => !stay.includes(pid))) await pin(pid, `${own}`);
    }
    await pin(Deno.pid, others);
    return new OwnCpu();
  }

  /** This program has all CPUs again; the lab's interfaces go with the lab. */
  async [Symbol.asyncDispose](): Promise<void> {
    await pin(Deno.pid, `0-${navigator.hardwareConcurrency - 1}`);
  }
}

async function pin(pid: number, cpus: string): Promise<void> {
  await mustRunHost(["taskset", "--all-tasks", "--cpu-list", "--pid", cpus, `${pid}`]);
}

/** As the kernel writes masks: 32 bits a group, separated by commas. Pure. */
export function maskText(mask: bigint): string {
  const groups: string[] = [];
  for (let rest = mask; rest > 0n || groups.length === 0; rest >>= 32n) {
    groups.unshift((rest & 0xffff_ffffn).toString(16));
  }
  return groups.map((group, i) => i === 0 ? group : group.padStart(8, "0")).join(",");
}
