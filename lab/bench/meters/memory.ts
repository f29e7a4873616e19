export interface ProcessMemory {
  /** Pages that the process has in memory, shared ones included. */
  readonly residentBytes: number;
  /** Its share of them: what two processes map counts half for each. */
  readonly proportionalBytes: number;
}

/** proc_pid_smaps_rollup in proc(5). */
export function processMemory(pid: number): ProcessMemory {
  return parseMemory(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`));
}

/** Pure. */
export function parseMemory(text: string): ProcessMemory {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
  return { residentBytes: bytes("Rss"), proportionalBytes: bytes("Pss") };
}
