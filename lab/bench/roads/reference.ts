import type { BypathLab } from "../../bypath_lab.ts";
import { haveProgram, mustRunHost } from "../../host_command.ts";
import type { LabProcess } from "../../lab_process.ts";
import { ADDRESSES, type NodeName } from "../../topology.ts";
import source from "../reference/forwarder.c" with { type: "text" };
import type { OpenRoad, Road, RoadProcess } from "../road.ts";

/** The SNAT address of all clients; their ports stay as they are. */
const SNAT = "10.0.1.1";
const TUN = "reference0";
const TABLE = "reference";
/**
 * Packet sockets see copies. The engine keeps the kernel from working at the packets themselves, and so
 * does this: it drops them right after packet sockets have seen them.
 */
const KEEP_FROM_KERNEL = `
  table netdev ${TABLE} {
    chain in {
      type filter hook ingress devices = { eth0, eth1 } priority 0;
      ip daddr { ${ADDRESSES.vip}, ${SNAT} } drop;
    }
  }`;

/** By way of the NAT machine, and with bypass, for a load from one address. */
export function referenceRoads(client: string = ADDRESSES.client): readonly [Road, Road] {
  return [
    referenceRoad({
      name: "reference-nat",
      description: "a small C program with bypath-nat's system calls and nothing else",
      agent: false,
      client,
    }),
    referenceRoad({
      name: "reference-bypass",
      description: "the same on the NAT machine and, with a tun device, on the server",
      agent: true,
      client,
    }),
  ];
}

/** Of benches with these roads. */
export const REFERENCE_NOTE =
  "reference: receives, puts other addresses in and sends, as the engine does it, and nothing else";

interface ReferenceOptions {
  readonly agent: boolean;
  readonly client: string;
}

function referenceRoad({ name, description, ...options }: ReferenceOptions & {
  readonly name: string;
  readonly description: string;
}): Road {
  return {
    name,
    description,
    protocols: ["tcp", "udp"],
    async lacking() {
      for (const program of ["gcc", "nft"]) {
        if (!await haveProgram(program)) return `${program} is not installed`;
      }
      return null;
    },
    up: (lab) => referenceUp(lab, options),
  };
}

async function referenceUp(
  lab: BypathLab,
  { agent, client }: ReferenceOptions,
): Promise<OpenRoad> {
  const program = `${lab.folder}/forwarder`;
  await mustRunHost(["gcc", "-O2", "-x", "c", "-o", program, "-"], { input: source });
  const started: LabProcess[] = [];
  const down = async () => {
    for (const process of started.reverse()) await process.stop();
    await lab.lab.run("nat", ["nft", "delete", "table", "netdev", TABLE]);
    await Deno.remove(program);
  };
  const start = async (node: NodeName, rules: readonly (readonly string[])[]) => {
    const process = lab.lab.start(node, [program, ...rules.flat()], { title: "forwarder" });
    started.push(process);
    await process.waitForLine((line) => line === "ready");
    return process;
  };
  const { vip, s1 } = ADDRESSES;
  try {
    await lab.lab.mustRun("nat", ["nft", "-f", "-"], KEEP_FROM_KERNEL);
    const nat = await start("nat", [
      ["eth0", "eth1", await linkAddress(lab, "s1", "eth0"), vip, SNAT, s1],
      ["eth1", "eth0", await linkAddress(lab, "router", "eth1"), SNAT, vip, client],
    ]);
    const processes: RoadProcess[] = [{ machine: "nat", pid: nat.pid }];
    if (!agent) return { host: vip, processes, down };
    const next = await linkAddress(lab, "router", "eth2");
    const direct = await start("s1", [[`tun:${TUN}`, "eth0", next, SNAT, vip, client]]);
    await lab.lab.mustRun("s1", ["ip", "link", "set", TUN, "up"]);
    await lab.lab.mustRun("s1", ["ip", "route", "add", `${SNAT}/32`, "dev", TUN]);
    processes.push({ machine: "server", pid: direct.pid });
    return { host: vip, processes, down };
  } catch (error) {
    await down();
    throw error;
  }
}

async function linkAddress({ lab }: BypathLab, node: NodeName, device: string): Promise<string> {
  return (await lab.mustRun(node, ["cat", `/sys/class/net/${device}/address`])).trim();
}
