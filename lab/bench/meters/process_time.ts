/**
 * CPU time that a process has had so far, in seconds: of its threads that live, by
 * /proc/PID/task/TID/schedstat, whose first figure the scheduler counts in nanoseconds
 * (Documentation/scheduler/sched-stats.rst). The tick-based times of /proc/PID/stat miss work that timers pace.
 * Interrupts that come while a thread runs are counted as its own.
 */
export function processSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`);
      nanoseconds += Number(text.split(" ")[0]);
    } catch (error) {
      // A thread that has just ended.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return nanoseconds / 1e9;
}

/** The processes of a program that works with several: itself and its children, theirs included. */
export function familyOf(pid: number): number[] {
  const children = [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ");
    } catch {
      return [];
    }
  }).filter((each) => each.trim() !== "").map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

/** The same of a program's whole family. */
export function programSeconds(pid: number): number {
  return familyOf(pid).reduce((sum, each) => sum + processSeconds(each), 0);
}

/**
 * Clock ticks that a program's family has had, and how many of them in the kernel: utime and stime of
 * /proc/PID/stat (proc_pid_stat(5)). Counted by the timer's tick: for shares of saturated loads only.
 */
export function kernelTicks(pid: number): { kernel: number; all: number } {
  let [kernel, all] = [0, 0];
  for (const each of familyOf(pid)) {
    const text = Deno.readTextFileSync(`/proc/${each}/stat`);
    // The second field, the program's name, may hold anything; utime is the 14th, stime the 15th.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    kernel += Number(fields[12]);
    all += Number(fields[11]) + Number(fields[12]);
  }
  return { kernel, all };
}
