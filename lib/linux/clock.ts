import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_THREAD_CPUTIME_ID,
} from "./constants.ts";
import { openLibc } from "./libc.ts";
import { mapAnonymous } from "./memory.ts";
import { TIMESPEC } from "./structs.ts";

const HIGH_WORD = 2 ** 32;

class Clock {
  readonly #libc = openLibc();
  readonly #memory = mapAnonymous(TIMESPEC.size);
  readonly #pointer = this.#memory.pointer;
  /** Read as 32-bit words: a 64-bit read would allocate a bigint. */
  readonly #words = new Uint32Array(this.#memory.buffer);

  nowMs(clock: number): number {
    this.#libc.clock_gettime(clock, this.#pointer);
    const words = this.#words;
    return (words[0]! + words[1]! * HIGH_WORD) * 1000 + words[2]! / 1e6;
  }

  read(clock: number, into: Uint32Array): void {
    this.#libc.clock_gettime(clock, this.#pointer);
    into[0] = this.#words[0]!;
    into[1] = this.#words[2]!;
  }
}

let clock: Clock | undefined;

/**
 * Milliseconds since the host started, the time it was suspended included (CLOCK_BOOTTIME).
 *
 * It never goes back, and all processes of a host see the same, so it can be kept in a file that
 * outlives the process. Resolution is one nanosecond, less the rounding of a float.
 */
export function bootTimeMs(): number {
  clock ??= new Clock();
  return clock.nowMs(CLOCK_BOOTTIME);
}

/** Milliseconds of CLOCK_MONOTONIC, which systemd wants to hear when a service reloads. */
export function monotonicTimeMs(): number {
  clock ??= new Clock();
  return clock.nowMs(CLOCK_MONOTONIC);
}

/** Puts the time of day into two words: seconds since 1970 (UTC) and nanoseconds. Allocates nothing. */
export function readWallClock(into: Uint32Array): void {
  clock ??= new Clock();
  clock.read(CLOCK_REALTIME, into);
}

/** CPU time of the calling thread, in milliseconds (CLOCK_THREAD_CPUTIME_ID). */
export function threadCpuMs(): number {
  clock ??= new Clock();
  return clock.nowMs(CLOCK_THREAD_CPUTIME_ID);
}
