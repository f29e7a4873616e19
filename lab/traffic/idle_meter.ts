import { announce } from "./program.ts";

/** What the meter says again and again: cumulative, so that any two lines tell what lies between. */
export interface IdleMeterReading {
  readonly event: "taken";
  /** Wall clock. */
  readonly atMs: number;
  /** Time since the start in which something else had this CPU. */
  readonly takenMs: number;
}

const SLICE_MS = 50;
/** A round of the loop takes a tenth of that, once it is compiled. */
const GAP_MS = 0.001;
/** Until then it has gaps of its own, and says nothing. */
const WARM_UP_MS = 500;

/**
 * `idle-meter`: looks at the clock without end and sums the gaps. Pinned to a CPU and scheduled only
 * when nothing else wants it (SCHED_IDLE), what it does not get is what the CPU did for others,
 * interrupts included; the kernel's accounting by ticks misses most of what timers pace.
 */
export async function idleMeter(): Promise<number> {
  let takenMs = 0;
  let last = performance.now();
  let told = last + WARM_UP_MS;
  for (;;) {
    const now = performance.now();
    if (now - last > GAP_MS) takenMs += now - last;
    last = now;
    if (now - told < SLICE_MS) continue;
    told = now;
    announce({ event: "taken", atMs: Date.now(), takenMs });
    // The line is written by now; its own time is no gap.
    await Promise.resolve();
    last = performance.now();
  }
}
