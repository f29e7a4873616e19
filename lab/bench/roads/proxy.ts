import type { BypathLab } from "../../bypath_lab.ts";
import type { LabProcess } from "../../lab_process.ts";
import { ADDRESSES } from "../../topology.ts";
import { waitFor } from "../../wait.ts";
import type { BenchService, OpenRoad } from "../road.ts";

/** Programs of sbin too, which is not in everybody's PATH. */
export const WITH_SBIN = ["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"] as const;

export interface ProxyOptions {
  readonly name: string;
  readonly services: readonly BenchService[];
  /** The proxy's own form of configuration. */
  readonly configuration: string;
  readonly command: (path: string, folder: string) => readonly string[];
}

/** A proxy program on the NAT machine, which then has the VIP as an address of its own. */
export async function proxyUp(lab: BypathLab, options: ProxyOptions): Promise<OpenRoad> {
  const { name, services, configuration, command } = options;
  const folder = await Deno.makeTempDir({ dir: lab.folder, prefix: `${name}-` });
  const path = `${folder}/${name}.conf`;
  await Deno.writeTextFile(path, configuration);
  const address = (verb: string) => ["ip", "address", verb, `${ADDRESSES.vip}/32`, "dev", "lo"];
  await lab.lab.mustRun("nat", address("add"));
  let process: LabProcess | undefined;
  const down = async () => {
    await process?.stop();
    await lab.lab.run("nat", address("del"));
    await Deno.remove(folder, { recursive: true });
  };
  try {
    process = lab.lab.start("nat", [...WITH_SBIN, ...command(path, folder)], { title: name });
    const { pid } = process;
    await waitFor(`${name} to listen`, async () => {
      process?.mustRun();
      const listening = await lab.lab.mustRun("nat", ["ss", "-Htln"]);
      return services.every(({ port }) => listening.includes(`${ADDRESSES.vip}:${port} `));
    }, { everyMs: 20 });
    return { host: ADDRESSES.vip, processes: [{ machine: "nat", pid }], down };
  } catch (error) {
    await down();
    throw error;
  }
}
