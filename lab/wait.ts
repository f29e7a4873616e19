/** A condition did not come true in time. */
export class WaitError extends Error {
  override readonly name = "WaitError";
}

export interface WaitOptions {
  /** Default: 30 seconds, for a busy host. */
  readonly timeoutMs?: number;
  /** From one look to the next; default: 100 ms. */
  readonly everyMs?: number;
}

/**
 * Looks again and again until `look` gives something other than null, undefined or false.
 *
 * @throws {WaitError} when the time is over
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T> | T,
  options: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const { timeoutMs = 30_000, everyMs = 100 } = options;
  const started = performance.now();
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) {
      return found as NonNullable<Exclude<T, false>>;
    }
    if (performance.now() - started > timeoutMs) {
      throw new WaitError(`Waited ${timeoutMs / 1000} s in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
