import type { Lab } from "./lab.ts";
import { haveIpv6 } from "./ipv6.ts";
import { planLab } from "./plan.ts";
import { type NodeName, TOPOLOGY } from "./topology.ts";

/**
 * Brings a node's interfaces up with the addresses and routes that it had at the start, whatever of
 * it is left: what a host's network configuration does.
 */
export async function restoreNode(lab: Lab, node: NodeName): Promise<void> {
  const plan = planLab(lab.name, TOPOLOGY, { ipv6: haveIpv6() });
  const commands = plan.nodes.find((each) => each.node === node)?.commands ?? [];
  const lines = commands
    .map((command) => command.replace(/^(address|route) add/, "$1 replace"))
    // Addresses need their device, and routes a device that is up: the order stays.
    .join("\n");
  await lab.mustRun(node, ["ip", "-batch", "-"], `${lines}\n`);
}
