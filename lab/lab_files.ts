import { stringify } from "yaml";
import type { z } from "zod";
import type { agentSchema } from "../lib/config/agent_schema.ts";
import type { natSchema } from "../lib/config/nat_schema.ts";
import { initKeys, issueKeys } from "../lib/control/keys.ts";
import { haveIpv6 } from "./ipv6.ts";
import { CONTROL_PORT, FLOW_PORT, HTTP_PORT, IPERF_PORT, STREAM_PORT } from "./ports.ts";
import { ADDRESSES, ADDRESSES6 } from "./topology.ts";

export { CONTROL_PORT, FLOW_PORT, HTTP_PORT, IPERF_PORT, STREAM_PORT };

/** nat.yaml as people write it. */
export type NatYaml = z.input<typeof natSchema>;
/** agent.yaml as people write it. */
export type AgentYaml = z.input<typeof agentSchema>;
export type ServiceYaml = NatYaml["services"][number];

/** The servers of the lab. */
export type ServerName = "s1" | "s2";
export const SERVER_NAMES: readonly ServerName[] = ["s1", "s2"];

/** Where a control proxy beside an agent listens (lab/traffic/control_proxy.ts). */
export const CONTROL_PROXY = `127.0.0.1:${CONTROL_PORT}`;

/**
 * `web` on both servers; `stream` and `iperf` on s1 alone, since they have one server program. `web6`
 * and `stream6` are the same over IPv6, where the kernel has it.
 */
export function defaultServices(): ServiceYaml[] {
  const vip = ADDRESSES.vip;
  return [
    {
      name: "web",
      vip,
      port: 80,
      scheduler: "round-robin",
      servers: [
        { address: ADDRESSES.s1, port: HTTP_PORT },
        { address: ADDRESSES.s2, port: HTTP_PORT },
      ],
      bypass: { start: { bytes: "64KiB" } },
    },
    {
      name: "stream",
      vip,
      protocol: "udp",
      port: STREAM_PORT,
      servers: [{ address: ADDRESSES.s1, port: STREAM_PORT }],
      bypass: { start: { packets: 100 } },
    },
    {
      name: "iperf",
      vip,
      port: IPERF_PORT,
      servers: [{ address: ADDRESSES.s1, port: IPERF_PORT }],
      bypass: { start: { bytes: "64KiB" } },
    },
    ...(haveIpv6() ? ipv6Services() : []),
  ];
}

function ipv6Services(): ServiceYaml[] {
  return [
    {
      name: "web6",
      vip: ADDRESSES6.vip,
      port: 80,
      scheduler: "round-robin",
      servers: SERVER_NAMES.map((name) => ({ address: ADDRESSES6[name], port: HTTP_PORT })),
      bypass: { start: { bytes: "64KiB" } },
    },
    {
      name: "stream6",
      vip: ADDRESSES6.vip,
      protocol: "udp",
      port: STREAM_PORT,
      servers: [{ address: ADDRESSES6.s1, port: STREAM_PORT }],
      bypass: { start: { packets: 100 } },
    },
  ];
}

/** The NAT machine's configuration; paths are relative to the lab's folder, where the file is. */
export function defaultNatYaml(): NatYaml {
  return {
    interfaces: ["eth0", "eth1"],
    snat: {
      addresses: ["10.0.1.1-10.0.1.4", ...(haveIpv6() ? ["2001:db8:1::1-2001:db8:1::4"] : [])],
      ports: "1024-65535",
    },
    services: defaultServices(),
    control: {
      listen: `${ADDRESSES.nat}:${CONTROL_PORT}`,
      ca: "ca.pem",
      certificate: "nat.pem",
      key: "nat.key",
    },
    socket: "nat.sock",
    state: "nat.sessions",
    capacity: 65536,
    ...labWorkers(),
  };
}

export function defaultAgentYaml(server: ServerName): AgentYaml {
  return {
    nat: [`${ADDRESSES.nat}:${CONTROL_PORT}`],
    interface: "eth0",
    ca: "ca.pem",
    certificate: `${server}.pem`,
    key: `${server}.key`,
    socket: `${server}.sock`,
    ...labWorkers(),
  };
}

/** How many packet workers the daemons of a lab have, where nothing else is said: BYPATH_LAB_WORKERS, or one. */
function labWorkers(): { workers?: number } {
  const workers = Deno.env.get("BYPATH_LAB_WORKERS");
  return workers === undefined ? {} : { workers: Number(workers) };
}

export async function writeNatYaml(folder: string, config: NatYaml): Promise<string> {
  return await writeYaml(`${folder}/nat.yaml`, config);
}

export async function writeAgentYaml(
  folder: string,
  server: ServerName,
  config: AgentYaml,
): Promise<string> {
  return await writeYaml(`${folder}/${server}.yaml`, config);
}

/** An authority, and a certificate for the NAT machine and for each agent. */
export async function writeKeys(folder: string): Promise<void> {
  await initKeys(folder);
  for (const name of ["nat", ...SERVER_NAMES] as const) {
    const addresses: string[] = [ADDRESSES[name], ...(haveIpv6() ? [ADDRESSES6[name]] : [])];
    // A proxy beside an agent stands in for the NAT machine there.
    if (name === "nat") addresses.push("127.0.0.1");
    await issueKeys(folder, { name, addresses, role: name === "nat" ? "nat" : "agent" });
  }
}

/** Where a server program of that machine listens: `--listen` for each family. */
export function listenArguments(server: ServerName, port: number): string[] {
  return [
    ...["--listen", `${ADDRESSES[server]}:${port}`],
    ...(haveIpv6() ? ["--listen", `[${ADDRESSES6[server]}]:${port}`] : []),
  ];
}

/** Everything a lab needs before the NAT machine and the agents can be started by hand. */
export async function writeLabFiles(folder: string): Promise<void> {
  await writeKeys(folder);
  await writeNatYaml(folder, defaultNatYaml());
  for (const name of SERVER_NAMES) await writeAgentYaml(folder, name, defaultAgentYaml(name));
}

async function writeYaml(path: string, value: unknown): Promise<string> {
  await Deno.writeTextFile(path, stringify(value));
  return path;
}
