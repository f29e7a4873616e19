import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects all garbage of this thread, now rather than when V8 finds it due. Mapped memory counts for that
 * as if the heap held it: a thread that maps a large session table owes a collection at once.
 *
 * V8 has no other call for it than the function `gc` of a context made under `--expose-gc`. The flag is the
 * process's and stays: another thread may be about to make such a context. Where V8 does not take the flag
 * any more, it collects when it finds that due.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: (() => void) | null = runInNewContext("globalThis.gc ?? null");
  collect?.();
}
