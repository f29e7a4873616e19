/** What a process or thread tells the kernel about itself. */
import { PR_SET_NAME, PR_SET_PDEATHSIG, PRIO_PROCESS } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { cString, openLibc } from "./libc.ts";

/** How long the kernel keeps a thread's name, without its terminating zero (prctl(2)). */
const NAME_BYTES = 15;

/**
 * Has the kernel send this process a signal, by number, when its parent ends, so that it does not
 * outlive it. A parent that has already ended sends none. Throws LinuxError.
 */
export function setParentDeathSignal(signal: number): void {
  const result = openLibc().prctl(PR_SET_PDEATHSIG, BigInt(signal), 0n, 0n, 0n);
  const errno = lastErrno();
  if (result < 0) {
    throw new LinuxError("ask for a signal when the parent ends", errno, { call: "prctl" });
  }
}

/**
 * Begins a session of this process's own, so that what a terminal sends to the processes started from
 * it (Ctrl-C, Ctrl-Z, hanging up) does not reach this one. Throws LinuxError.
 */
export function startSession(): void {
  const result = openLibc().setsid();
  const errno = lastErrno();
  if (result < 0) throw new LinuxError("begin a session", errno, { call: "setsid" });
}

/** Names this thread for `ps -L` and `top`; the name is cut to 15 bytes. Throws LinuxError. */
export function setThreadName(name: string): void {
  const bytes = cString(
    new TextDecoder().decode(new TextEncoder().encode(name).subarray(0, NAME_BYTES)),
  );
  const result = openLibc().prctl_text(PR_SET_NAME, bytes, 0n, 0n, 0n);
  const errno = lastErrno();
  if (result < 0) throw new LinuxError(`name a thread "${name}"`, errno, { call: "prctl" });
}

/**
 * Sets the nice value of this thread alone: -20 gets the most of the CPU, 19 the least.
 *
 * Throws LinuxError; less than now needs CAP_SYS_NICE.
 */
export function setThreadNice(nice: number): void {
  // Linux means the calling thread by 0, where POSIX means the process (setpriority(2)).
  const result = openLibc().setpriority(PRIO_PROCESS, 0, nice);
  const errno = lastErrno();
  if (result < 0) {
    const options = { call: "setpriority", needs: "CAP_SYS_NICE" };
    throw new LinuxError(`set the nice value ${nice}`, errno, options);
  }
}

/** The bytes of a `cpu_set_t` (CPU_SET(3)): a bit a CPU. */
const CPU_SET_BYTES = 128;

/**
 * Keeps this thread, and no other one, on one CPU.
 *
 * Throws LinuxError: EINVAL for a CPU that this host does not have or does not let this process use.
 */
export function setThreadCpu(cpu: number): void {
  const set = new Uint8Array(CPU_SET_BYTES);
  if (!(cpu >= 0 && cpu < CPU_SET_BYTES * 8)) throw new RangeError(`There is no CPU ${cpu}`);
  set[cpu >> 3] = 1 << (cpu & 7);
  // Linux means the calling thread by 0 (sched_setaffinity(2)).
  const result = openLibc().sched_setaffinity(0, BigInt(CPU_SET_BYTES), set);
  const errno = lastErrno();
  if (result < 0) {
    throw new LinuxError(`stay on CPU ${cpu}`, errno, { call: "sched_setaffinity" });
  }
}

/** Lets another thread have this CPU, when one wants it (sched_yield(2)). */
export function yieldCpu(): void {
  openLibc().sched_yield();
}

/** The CPUs that this thread may run on, and those that it starts (proc_pid_status(5)). */
export function allowedCpus(): number[] {
  const status = Deno.readTextFileSync("/proc/thread-self/status");
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? "";
  return list.split(",").filter((it) => it !== "").flatMap((range) => {
    const [first, last] = range.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, i) => first! + i);
  });
}
