import { z } from "zod";
import { shortDuration } from "./fields.ts";

/** What the kernel numbers CPUs up to, in the masks that this program makes (linux/threads.h). */
const HIGHEST_CPU = 1023;
const LONGEST_BUSY_POLL_US = 10_000;

/** Each costs memory for its packets and its index, and a socket a interface. */
const MOST_WORKERS = 32;

/** How many packet workers a daemon has. */
export const workers = z.int().min(1).max(MOST_WORKERS).prefault(1).describe(
  "Threads that carry packets; more than one only helps when one is busy and CPUs are idle",
);

/** The CPUs that packet workers stay on, for each daemon's schema. */
export const cpus = z.array(z.int().min(0).max(HIGHEST_CPU)).min(1).optional().describe(
  "The CPU that each packet worker stays on; absent: the kernel decides from moment to moment",
);

/** How long packet workers ask again before they sleep, in microseconds. */
export const busyPoll = shortDuration({ maxUs: LONGEST_BUSY_POLL_US }).prefault("0us").describe(
  "How long a packet worker goes on asking for packets before it sleeps: less latency for more CPU time",
);

/** Reports a list of CPUs that does not name one for each worker. */
export function checkCpus(
  { cpus, workers = 1 }: {
    readonly cpus?: readonly (number | undefined)[] | undefined;
    readonly workers?: number | undefined;
  },
  report: (path: readonly string[], message: string) => void,
): void {
  if (cpus === undefined) return;
  if (new Set(cpus).size < cpus.length) return report(["cpus"], "a CPU is named twice");
  if (cpus.length === workers) return;
  const many = workers === 1 ? "there is one packet worker" : `there are ${workers} packet workers`;
  report(["cpus"], `${cpus.length} are named and ${many}: name one for each`);
}
