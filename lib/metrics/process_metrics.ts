import { counter, gauge, type Metric } from "./metric.ts";

/** USER_HZ, in which proc_pid_stat(5) counts: 100 on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

/**
 * What Prometheus's client libraries tell of a process
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), and what program it is.
 */
export function processMetrics(role: "nat" | "agent", version: string): Metric[] {
  const metrics: Metric[] = [
    {
      type: "info",
      name: "bypath_build",
      help: "What program this is",
      samples: [{ labels: { role, version, deno: Deno.version.deno }, value: 1 }],
    },
    gauge(
      "process_resident_memory_bytes",
      "Memory of this process that is resident",
      Deno.memoryUsage().rss,
    ),
  ];
  const stat = readProc("stat")?.replace(/^.*\) /s, "").split(" ");
  if (stat !== undefined) {
    const [userTicks, systemTicks] = [Number(stat[11]), Number(stat[12])];
    metrics.push(
      counter(
        "process_cpu_seconds",
        "Time that all threads of this process were running, user and system",
        (userTicks + systemTicks) / TICKS_PER_SECOND,
      ),
      gauge(
        "process_start_time_seconds",
        "When this process started, since 1970",
        hostStartSeconds() + Number(stat[19]) / TICKS_PER_SECOND,
      ),
    );
  }
  const limit = /^Max open files +(\S+)/m.exec(readProc("limits") ?? "")?.[1];
  const open = openDescriptors();
  if (open !== null) metrics.push(gauge("process_open_fds", "Open file descriptors", open));
  if (limit !== undefined) {
    const most = limit === "unlimited" ? Infinity : Number(limit);
    metrics.push(gauge("process_max_fds", "Most file descriptors that may be open", most));
  }
  return metrics;
}

function readProc(name: string): string | null {
  try {
    return Deno.readTextFileSync(`/proc/self/${name}`);
  } catch {
    return null;
  }
}

function openDescriptors(): number | null {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    return null;
  }
}

let hostStart: number | undefined;

/** Read once: the kernel derives it from a clock that may be set, and a start must not move. */
function hostStartSeconds(): number {
  hostStart ??= Number(/^btime (\d+)$/m.exec(Deno.readTextFileSync("/proc/stat"))?.[1]);
  return hostStart;
}
