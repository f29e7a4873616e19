import type { Lab } from "../lab.ts";
import { CONTROL_PORT, SERVER_NAMES, type ServerName } from "../lab_files.ts";
import { ADDRESSES } from "../topology.ts";
import { PacketRules, type RulesPlace } from "./packet_rules.ts";

export interface ControlFault {
  /** What is lost: what agents send, what the NAT machine sends, or both. */
  readonly direction: "from-agents" | "to-agents" | "both";
  /** Out of a hundred packets; default: all. */
  readonly percent?: number;
  /** Whose connections; default: everybody's. */
  readonly servers?: readonly ServerName[];
}

/** Loses packets of the control channel. Nobody is told: the ends see silence. */
export async function impairControlChannel(lab: Lab, fault: ControlFault): Promise<PacketRules> {
  const { direction, percent = 100, servers = SERVER_NAMES } = fault;
  const some = percent === 100 ? "" : `numgen random mod 100 < ${percent} `;
  const places: RulesPlace[] = [];
  if (direction !== "to-agents") {
    const rules = servers.map((server) =>
      `ip saddr ${ADDRESSES[server]} tcp dport ${CONTROL_PORT} ${some}drop`
    );
    places.push({ node: "nat", device: "eth1", rules });
  }
  if (direction !== "from-agents") {
    const rules = [`tcp sport ${CONTROL_PORT} ${some}drop`];
    places.push(...servers.map((node) => ({ node, device: "eth0", rules })));
  }
  return await PacketRules.install(lab, places);
}
