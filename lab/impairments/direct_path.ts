import type { Lab } from "../lab.ts";
import { ADDRESSES, ADDRESSES6 } from "../topology.ts";
import { PacketRules } from "./packet_rules.ts";

/** What becomes of packets that servers send straight to clients. */
export type DirectPathFault =
  /** None arrives: a firewall, a strict source check. */
  | "drops-all"
  /** One in ten is lost. */
  | "drops-tenth"
  /** Those larger than {@linkcode LARGE_BYTES} are lost, and nobody is told: a small link and no ICMP. */
  | "drops-large";

/** IP packets larger than this are large. */
export const LARGE_BYTES = 1000;

/**
 * Impairs the way from the servers' network to the clients, and nothing else: on the router, what
 * comes from there with a virtual address as its source. Responses by way of the NAT machine come
 * by another device.
 */
export async function impairDirectPath(lab: Lab, fault: DirectPathFault): Promise<PacketRules> {
  // Super-packets would be one packet to the rules: towards the router they are cut into real ones.
  await lab.mustRun("switch", ["ip", "link", "set", "dev", "router", "gso_max_segs", "1"]);
  const rules = [`ip saddr ${ADDRESSES.vipPrefix}`, `ip6 saddr ${ADDRESSES6.vipPrefix}`]
    .map((direct) => `${direct} ${matching(fault)}drop`);
  return await PacketRules.install(lab, [{ node: "router", device: "eth2", rules }]);
}

function matching(fault: DirectPathFault): string {
  if (fault === "drops-tenth") return "numgen random mod 10 == 0 ";
  // `meta length` of an incoming packet is without its Ethernet header.
  return fault === "drops-large" ? `meta length > ${LARGE_BYTES} ` : "";
}
