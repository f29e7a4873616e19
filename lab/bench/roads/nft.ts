import type { BypathLab } from "../../bypath_lab.ts";
import { haveProgram } from "../../host_command.ts";
import { ADDRESSES } from "../../topology.ts";
import type { BenchService, Road } from "../road.ts";

const TABLE = "lab_nat";
/**
 * Connections that are over hold their entries for so long, not for two minutes: thousands a second
 * would use up the SNAT ports within a turn.
 */
const TIME_WAIT_S = 10;

/** DNAT and SNAT by the kernel in the same place, with the same addresses. */
export const nft: Road = {
  name: "nft",
  description: "the kernel's own NAT on the NAT machine: nftables, DNAT and SNAT",
  protocols: ["tcp", "udp"],
  lacking: async () => await haveProgram("nft") ? null : "nft is not installed",
  async up({ lab }, services) {
    const down = async () => {
      await set("ipv4/ip_forward", "0");
      await lab.run("nat", ["nft", "delete", "table", "ip", TABLE]);
    };
    const set = (path: string, value: string) =>
      lab.mustRun("nat", ["sh", "-c", `echo ${value} > /proc/sys/net/${path}`]);
    try {
      await lab.mustRun("nat", ["nft", "-f", "-"], rules(services));
      await set("ipv4/ip_forward", "1");
      await set("netfilter/nf_conntrack_tcp_timeout_time_wait", `${TIME_WAIT_S}`);
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
        ${
    each(({ protocol, port }) =>
      `ip daddr ${s1} ${protocol} dport ${port} snat to 10.0.1.1-10.0.1.4`
    )
  }
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
