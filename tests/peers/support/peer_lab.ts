import { BypathLab } from "../../../lab/bypath_lab.ts";
import type { ServiceYaml } from "../../../lab/lab_files.ts";
import { ADDRESSES, ADDRESSES6, type NodeName } from "../../../lab/topology.ts";

/** One lab for all tests of a file: made when the first of them asks for it, removed after the last. */
export function sharedLab(
  prepare: (lab: BypathLab) => Promise<void>,
): () => Promise<BypathLab> {
  let lab: Promise<BypathLab> | undefined;
  Deno.test.afterAll(async () => {
    const made = await lab?.catch(() => undefined);
    await made?.down();
  });
  return () => lab ??= up(prepare);
}

async function up(prepare: (lab: BypathLab) => Promise<void>): Promise<BypathLab> {
  const lab = await BypathLab.up();
  try {
    await prepare(lab);
    return lab;
  } catch (error) {
    await lab.down();
    throw error;
  }
}

export interface PeerService {
  readonly name: string;
  readonly protocol?: "tcp" | "udp";
  readonly family?: 4 | 6;
  /** Default: the lab's. */
  readonly vip?: string;
  readonly port: number;
  /** Default: the service's port. */
  readonly serverPort?: number;
  readonly server?: string;
  readonly bypass: NonNullable<ServiceYaml["bypass"]>["start"];
}

/** A service with one server, s1. */
export function serviceOf(service: PeerService): ServiceYaml {
  const { name, protocol = "tcp", family = 4, port, serverPort = port, bypass } = service;
  const addresses = family === 4 ? ADDRESSES : ADDRESSES6;
  return {
    name,
    vip: service.vip ?? addresses.vip,
    protocol,
    port,
    servers: [{ address: service.server ?? addresses.s1, port: serverPort }],
    bypass: { start: bypass },
  };
}

const RUN_LIMIT_S = 20;

/** Runs a program to its end; fails with its words when it fails or takes too long. */
export async function run(lab: BypathLab, node: NodeName, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.lab.run(node, [
    ...["timeout", `${RUN_LIMIT_S}`],
    ...command.split(" "),
  ]);
  if (code !== 0) {
    throw new Error(`${command} (in ${node}): exit status ${code}\n${stdout}${stderr}`);
  }
  return stdout;
}
