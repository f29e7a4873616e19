/** CPU time that the threads of one of our processes have had so far, in seconds. */
export interface ThreadTimes {
  /** Of the packet workers, in the kernel and in the program. */
  readonly packetsInKernel: number;
  readonly packetsInProgram: number;
  /** Of the thread that has the control channel, the configuration, health and metrics. */
  readonly main: number;
  /** Of the runtime's own: its compiler, its garbage collector, its pool. */
  readonly runtime: number;
}

export interface ThreadReading {
  readonly name: string;
  readonly isMain: boolean;
  readonly seconds: number;
  /** Ticks of the clock that met it in the kernel, and in the program. */
  readonly kernelTicks: number;
  readonly programTicks: number;
}

/** Packet workers name themselves so. */
const PACKETS = /^packets \d+$/;

/** What the threads of a process have had so far. */
export function readThreads(pid: number): Map<string, ThreadReading> {
  const threads = new Map<string, ThreadReading>();
  for (const { name: tid } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const schedstat = Deno.readTextFileSync(`/proc/${pid}/task/${tid}/schedstat`);
      const stat = Deno.readTextFileSync(`/proc/${pid}/task/${tid}/stat`);
      threads.set(tid, parseThread({ schedstat, stat, isMain: Number(tid) === pid }));
    } catch (error) {
      // A thread that has just ended.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return threads;
}

/**
 * Time by the scheduler (Documentation/scheduler/sched-stats.rst), which is exact; how it is divided
 * between kernel and program by utime and stime (proc_pid_stat(5)). Pure.
 */
export function parseThread(
  { schedstat, stat, isMain }: { schedstat: string; stat: string; isMain: boolean },
): ThreadReading {
  const end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  return {
    name: stat.slice(stat.indexOf("(") + 1, end),
    isMain,
    seconds: Number(schedstat.split(" ")[0]) / 1e9,
    programTicks: Number(fields[11]),
    kernelTicks: Number(fields[12]),
  };
}

/**
 * What the threads had between two readings; null for a program without packet workers. A thread that
 * ended meanwhile does not count. Pure.
 */
export function threadsBetween(
  before: ReadonlyMap<string, ThreadReading>,
  after: ReadonlyMap<string, ThreadReading>,
): ThreadTimes | null {
  if (![...after.values()].some(({ name }) => PACKETS.test(name))) return null;
  const times = { packetsInKernel: 0, packetsInProgram: 0, main: 0, runtime: 0 };
  for (const [tid, now] of after) {
    const then = before.get(tid);
    const seconds = now.seconds - (then?.seconds ?? 0);
    if (PACKETS.test(now.name)) {
      const kernel = now.kernelTicks - (then?.kernelTicks ?? 0);
      const all = kernel + now.programTicks - (then?.programTicks ?? 0);
      const share = all === 0 ? 0 : kernel / all;
      times.packetsInKernel += seconds * share;
      times.packetsInProgram += seconds * (1 - share);
    } else if (now.isMain) times.main += seconds;
    else times.runtime += seconds;
  }
  return times;
}
