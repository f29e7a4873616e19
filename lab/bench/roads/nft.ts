import type { BypathLab } from "../../bypath_lab.ts";
import { haveProgram } from "../../host_command.ts";
import { ADDRESSES } from "../../topology.ts";
import type { BenchService, Road } from "../road.ts";

const TABLE = "lab_nat";

/** DNAT and SNAT by the kernel in the same place, with the same addresses. */
export const nft: Road = {
  name: "nft",
  description: "the kernel's own NAT on the NAT machine: nftables, DNAT and SNAT",
  protocols: ["tcp", "udp"],
  lacking: async () => await haveProgram("nft") ? null : "nft is not installed",
  async up({ lab }, services) {
    const down = async () => {
      await setForwarding("0");
      await lab.run("nat", ["nft", "delete", "table", "ip", TABLE]);
    };
    const setForwarding = (value: string) =>
      lab.mustRun("nat", ["sh", "-c", `echo ${value} > /proc/sys/net/ipv4/ip_forward`]);
    try {
      await lab.mustRun("nat", ["nft", "-f", "-"], rules(services));
      await setForwarding("1");
    } catch (error) {
      await down();
      throw error;
    }
    return { host: ADDRESSES.vip, processes: [], down };
  },
};

function rules(services: readonly BenchService[]): string {
  const { vip, s1 } = ADDRESSES;
  const each = (rule: (service: BenchService) => string) => services.map(rule).join("\n");
  return `
    table ip ${TABLE} {
      chain in {
        type nat hook prerouting priority dstnat;
        ${each(({ protocol, port }) => `ip daddr ${vip} ${protocol} dport ${port} dnat to ${s1}`)}
      }
      chain out {
        type nat hook postrouting priority srcnat;
        ${each(({ protocol, port }) => `ip daddr ${s1} ${protocol} dport ${port} snat to 10.0.1.1`)}
      }
    }`;
}

/** The kernel's NAT for as long as `body` takes. */
export async function withNft<T>(
  lab: BypathLab,
  services: readonly BenchService[],
  body: () => Promise<T>,
): Promise<T> {
  const road = await nft.up(lab, services);
  try {
    return await body();
  } finally {
    await road.down();
  }
}
