import type { InterfaceCounters } from "./counters.ts";
import type { Lab } from "./lab.ts";
import type { NodeName } from "./topology.ts";

/**
 * What the kernel counted, so far, on the interfaces that response packets can take. Bytes with
 * Ethernet headers; super-packets count with one header.
 */
export interface RoadCounters {
  readonly atMs: number;
  /** Out of the servers' interfaces: every response. */
  readonly fromServers: number;
  /** Out of the NAT machine's interface towards the clients: responses by way of the NAT machine. */
  readonly overNat: number;
  /** Into the router's interface in the servers' network: responses sent straight to the clients. */
  readonly direct: number;
  /** Packets into the NAT machine's interface in the servers' network, and their bytes. */
  readonly intoNat: { readonly packets: number; readonly bytes: number };
}

const INTERFACES: readonly (readonly [NodeName, string])[] = [
  ["s1", "eth0"],
  ["s2", "eth0"],
  ["nat", "eth0"],
  ["router", "eth2"],
  ["nat", "eth1"],
];

export async function readRoads(lab: Lab): Promise<RoadCounters> {
  const [s1, s2, natFront, router, natBack] = await Promise.all(
    INTERFACES.map(([node, device]) => lab.counters(node, device)),
  ) as [
    InterfaceCounters,
    InterfaceCounters,
    InterfaceCounters,
    InterfaceCounters,
    InterfaceCounters,
  ];
  return {
    atMs: performance.now(),
    fromServers: s1.txBytes + s2.txBytes,
    overNat: natFront.txBytes,
    direct: router.rxBytes,
    intoNat: { packets: natBack.rxPackets, bytes: natBack.rxBytes },
  };
}

/** Later minus earlier. */
export function between(earlier: RoadCounters, later: RoadCounters): RoadCounters {
  return {
    atMs: later.atMs - earlier.atMs,
    fromServers: later.fromServers - earlier.fromServers,
    overNat: later.overNat - earlier.overNat,
    direct: later.direct - earlier.direct,
    intoNat: {
      packets: later.intoNat.packets - earlier.intoNat.packets,
      bytes: later.intoNat.bytes - earlier.intoNat.bytes,
    },
  };
}

/** Share of the responses that went by way of the NAT machine, 0 to 1. */
export function natShare(roads: RoadCounters): number {
  const all = roads.overNat + roads.direct;
  return all === 0 ? 0 : roads.overNat / all;
}
