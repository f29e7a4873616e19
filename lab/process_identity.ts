/** A process, told from a later one with the same number by the time at which it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since the host's start: field 22 of /proc/PID/stat, proc_pid_stat(5). */
  readonly startTime: number;
}

/** The identity of a process that exists; of one that has ended, one that is never alive. */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTime: startTimeOf(pid) ?? -1 };
}

export function isAlive(process: ProcessIdentity): boolean {
  return startTimeOf(process.pid) === process.startTime;
}

function startTimeOf(pid: number): number | null {
  let line: string;
  try {
    line = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return null;
  }
  // The second field is the program's name in parentheses and may hold anything, ")" included.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  return state === "Z" || state === "X" ? null : Number(fields[19]);
}
