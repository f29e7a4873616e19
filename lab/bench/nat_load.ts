import type { BypathLab } from "../bypath_lab.ts";
import { between, readRoads } from "../roads.ts";
import type { Bench, Quantity, Samples } from "./bench.ts";
import { IPERF, iperf } from "./loads/iperf.ts";
import { MachineTime } from "./meters/machine_time.ts";
import { kernelTicks, programSeconds } from "./meters/process_time.ts";
import { readThreads, threadsBetween, type ThreadTimes } from "./meters/thread_time.ts";
import { NAT_CPU, OwnCpu } from "./own_cpu.ts";
import { type OpenRoad, subjectsOf } from "./road.ts";
import { REFERENCE_ROADS, ROADS } from "./roads/all.ts";

const CONNECTIONS = 8;
const SHARE = "response bytes over the NAT machine's link, of those served";
const NAT_TIME = "CPU time of the NAT machine's process for a gigabyte served";
const AGENT_TIME = "CPU time of the agent for a gigabyte served";
const ALL_TIME = "CPU time of the whole machine for a gigabyte served";

const MACHINE_TIME = "CPU time of the NAT machine, its kernel included, for a gigabyte served";
const APART_TIME = "CPU time of its programs for a gigabyte served";
const KERNEL_SHARE = "share of its programs' CPU time that the kernel takes";

/** What bypath's process spends, taken apart. */
const PARTS: Readonly<Record<keyof ThreadTimes, string>> = {
  packetsInKernel: "bypath's packet thread, in the kernel, for a gigabyte served",
  packetsInProgram: "bypath's packet thread, in the program, for a gigabyte served",
  main: "bypath's main thread for a gigabyte served",
  runtime: "bypath's runtime (compiler, garbage collector) for a gigabyte served",
};
const PART_QUANTITIES: readonly Quantity[] = Object.values(PARTS).map((name) => ({
  name,
  unit: "s",
  better: "less",
}));
/** With bypass packets are few: V8 needs its time to see which functions are worth compiling. */
const WARM_UP_S = 4;

/** What is left to do at the NAT machine while a server serves. */
export const natLoad: Bench = {
  name: "nat-load",
  description: "what serving costs at the NAT machine: bytes over its link, CPU time (iperf3)",
  needs: ["iperf3", "taskset", "chrt"],
  rounds: 5,
  seconds: 4,
  quantities: [
    { name: SHARE, unit: "share", better: "less" },
    { name: NAT_TIME, unit: "s", better: "less" },
    { name: AGENT_TIME, unit: "s", better: "less" },
    { name: ALL_TIME, unit: "s", better: "less" },
    ...PART_QUANTITIES,
  ],
  aims: [
    { quantity: SHARE, subject: "bypath-bypass", atMost: 0.01 },
    { quantity: SHARE, subject: "bypath-criteria", atMost: 0.01 },
    { quantity: NAT_TIME, subject: "bypath-bypass", of: "bypath-nat", atMost: 0.3 },
    { quantity: NAT_TIME, subject: "bypath-criteria", of: "bypath-nat", atMost: 0.3 },
  ],
  notes: [
    `${CONNECTIONS} connections to the client; bytes with their headers, as the interfaces count them`,
    "the kernel's NAT has no process: its work is part of the whole machine's, as are client and server",
  ],
  prepare: (lab) => lab.startIperf(),
  subjects: subjectsOf(
    [...ROADS, ...REFERENCE_ROADS],
    [IPERF],
    async (lab, { host, processes }, { seconds }) => {
      await using machine = await MachineTime.start(lab);
      const before = await readRoads(lab.lab);
      const spent = timesOf(processes);
      const parts = partsOf(processes);
      const { seconds: all } = await machine.during(() => serve(lab, host, seconds));
      const times = timesOf(processes).map((time, i) => time - spent[i]!);
      const taken = parts.since();
      const roads = between(before, await readRoads(lab.lab));
      const gigabytes = roads.fromServers / 1e9;
      const samples: Record<string, number[]> = {
        [SHARE]: [roads.overNat / roads.fromServers],
        [ALL_TIME]: [all / gigabytes],
        ...perGigabyte(taken, gigabytes),
      };
      processes.forEach(({ machine }, i) => {
        samples[machine === "server" ? AGENT_TIME : NAT_TIME] = [times[i]! / gigabytes];
      });
      return samples satisfies Samples;
    },
    warmUp,
  ),
};

/**
 * The same where the machines share no CPU: all that the NAT machine does about a gigabyte, its
 * kernel included, and nothing that the others do.
 */
export const natMachine: Bench = {
  name: "nat-machine",
  description: "what serving costs a NAT machine that has a CPU of its own (iperf3)",
  needs: ["iperf3", "taskset", "chrt"],
  rounds: 5,
  seconds: 4,
  quantities: [
    { name: MACHINE_TIME, unit: "s", better: "less" },
    { name: APART_TIME, unit: "s", better: "less" },
    { name: KERNEL_SHARE, unit: "share", better: "less" },
    ...PART_QUANTITIES,
  ],
  aims: [
    { quantity: MACHINE_TIME, subject: "bypath-bypass", of: "bypath-nat", atMost: 0.3 },
    { quantity: APART_TIME, subject: "bypath-bypass", of: "bypath-nat", atMost: 0.3 },
  ],
  notes: [
    `${CONNECTIONS} connections to the client; the NAT machine on CPU ${NAT_CPU}, all others on the rest`,
    "the kernel receives for each machine on that machine's own CPUs (receive packet steering)",
  ],
  prepare: (lab) => lab.startIperf(),
  subjects: subjectsOf(
    [...ROADS, ...REFERENCE_ROADS].filter(({ name }) => name !== "direct"),
    [IPERF],
    async (lab, { host, processes }, { seconds }) => {
      await using machine = await MachineTime.start(lab, [NAT_CPU]);
      await using _ = await OwnCpu.give(lab, { stay: machine.pids });
      const before = await readRoads(lab.lab);
      const programs = processes.filter(({ machine }) => machine === "nat").map(({ pid }) => pid);
      const spent = programs.map(programSeconds);
      const inKernel = programs.map(kernelTicks);
      const parts = partsOf(processes);
      const { seconds: own } = await machine.during(() => serve(lab, host, seconds));
      const taken = parts.since();
      const gigabytes = between(before, await readRoads(lab.lab)).fromServers / 1e9;
      const times = programs.map((pid, i) => programSeconds(pid) - spent[i]!);
      const samples: Record<string, number[]> = {
        [MACHINE_TIME]: [own / gigabytes],
        ...perGigabyte(taken, gigabytes),
      };
      if (programs.length > 0) {
        samples[APART_TIME] = [sum(times) / gigabytes];
        const ticks = programs.map((pid, i) => {
          const now = kernelTicks(pid);
          return { kernel: now.kernel - inKernel[i]!.kernel, all: now.all - inKernel[i]!.all };
        });
        samples[KERNEL_SHARE] = [
          sum(ticks.map(({ kernel }) => kernel)) / sum(ticks.map(({ all }) => all)),
        ];
      }
      return samples satisfies Samples;
    },
    warmUp,
  ),
};

function warmUp(lab: BypathLab, { host }: OpenRoad): Promise<number> {
  return serve(lab, host, WARM_UP_S);
}

function serve(lab: BypathLab, host: string, seconds: number): Promise<number> {
  return iperf(lab, { host, direction: "to-client", connections: CONNECTIONS, seconds });
}

/** What the threads of the NAT machine's program spend from now on; null when it is not bypath. */
function partsOf(processes: OpenRoad["processes"]): { since(): ThreadTimes | null } {
  const nat = processes.find(({ machine }) => machine === "nat");
  const before = nat && readThreads(nat.pid);
  return { since: () => before ? threadsBetween(before, readThreads(nat.pid)) : null };
}

function perGigabyte(times: ThreadTimes | null, gigabytes: number): Record<string, number[]> {
  if (times === null) return {};
  const parts = Object.entries(PARTS) as [keyof ThreadTimes, string][];
  return Object.fromEntries(
    parts.map(([part, quantity]) => [quantity, [times[part] / gigabytes]]),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function timesOf(processes: OpenRoad["processes"]): number[] {
  return processes.map(({ pid }) => programSeconds(pid));
}
