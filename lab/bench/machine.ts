import { VERSION } from "../../lib/config/version.ts";
import { runHost } from "../host_command.ts";
import { WITH_SBIN } from "./roads/proxy.ts";

/** On what a bench ran: figures are worth nothing without it. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly architecture: string;
  /** The file system of /run, where session tables lie: "tmpfs" as a rule. */
  readonly runFileSystem: string;
  /** Program to version, of those that are installed. */
  readonly versions: Readonly<Record<string, string>>;
}

/** How each program tells its version: the first number with a dot in what it prints. */
const VERSION_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  nft: ["nft", "--version"],
  haproxy: ["haproxy", "-v"],
  nginx: ["nginx", "-v"],
  iperf3: ["iperf3", "--version"],
  wrk: ["wrk", "--version"],
};

export async function describeMachine(): Promise<Machine> {
  const versions: Record<string, string> = { bypath: VERSION, deno: Deno.version.deno };
  for (const [name, command] of Object.entries(VERSION_COMMANDS)) {
    const { stdout, stderr } = await runHost([...WITH_SBIN, ...command]);
    const version = /\d+\.\d[\w.+~-]*/.exec(stdout + stderr)?.[0];
    if (version !== undefined) versions[name] = version;
  }
  return {
    cores: navigator.hardwareConcurrency,
    processor: processorName(await Deno.readTextFile("/proc/cpuinfo")),
    memoryBytes: Deno.systemMemoryInfo().total,
    kernel: `Linux ${Deno.osRelease()}`,
    architecture: Deno.build.arch,
    runFileSystem: (await runHost(["stat", "--file-system", "--format=%T", "/run"])).stdout.trim(),
    versions,
  };
}

/** x86 has "model name"; arm64 has none. */
export function processorName(cpuinfo: string): string {
  return /^model name\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.trim() ?? "unknown";
}

/** One line for people. */
export function machineLine(machine: Machine): string {
  const { cores, processor, memoryBytes, kernel, architecture, runFileSystem } = machine;
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB of memory`;
  return `${cores} cores (${processor}), ${memory}, ${kernel}, ${architecture}, /run on ${runFileSystem}`;
}

export function versionsLine({ versions }: Machine): string {
  return Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
}
