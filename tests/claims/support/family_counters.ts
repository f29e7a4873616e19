import type { Lab } from "../../../lab/lab.ts";
import { ADDRESSES, ADDRESSES6 } from "../../../lab/topology.ts";

export const FAMILIES = [4, 6] as const;

/**
 * Response packets of both VIPs and their IP bytes, as they came to the router: from the NAT machine,
 * and directly from servers. Super-packets count once.
 */
export type FamilyCounters = Record<
  "nat4" | "nat6" | "direct4" | "direct6",
  { packets: number; bytes: number }
>;

const RULES = FAMILIES.flatMap((family) => {
  const source = family === 4 ? `ip saddr ${ADDRESSES.vip}` : `ip6 saddr ${ADDRESSES6.vip}`;
  return [
    `iifname eth1 ${source} counter name nat${family}`,
    `iifname eth2 ${source} counter name direct${family}`,
  ];
});

/** Begins to count, by nftables; the function returned tells what the kernel has counted so far. */
export async function countFamilies(lab: Lab): Promise<() => Promise<FamilyCounters>> {
  const counters = ["nat4", "nat6", "direct4", "direct6"].map((name) => `counter ${name} { }`);
  await lab.mustRun(
    "router",
    ["nft", "-f", "-"],
    `table inet families {
      ${counters.join("\n")}
      chain seen { type filter hook prerouting priority raw; policy accept; ${RULES.join("\n")}
      }
    }`,
  );
  return async () => {
    const text = await lab.mustRun("router", ["nft", "--json", "list", "counters"]);
    const { nftables } = JSON.parse(text) as {
      nftables: { counter?: { name: string; packets: number; bytes: number } }[];
    };
    const entries = nftables.flatMap(({ counter }) =>
      counter ? [[counter.name, { packets: counter.packets, bytes: counter.bytes }]] : []
    );
    return Object.fromEntries(entries);
  };
}

/** Later minus earlier. */
export function since(earlier: FamilyCounters, later: FamilyCounters): FamilyCounters {
  const names = Object.keys(later) as (keyof FamilyCounters)[];
  return Object.fromEntries(names.map((name) => [name, {
    packets: later[name].packets - earlier[name].packets,
    bytes: later[name].bytes - earlier[name].bytes,
  }])) as FamilyCounters;
}
