import { BypathLab } from "./bypath_lab.ts";

/** Somebody pressed Ctrl-C, or the system ends. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  /** As a shell reports it: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`Interrupted by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export interface WithLabOptions {
  readonly name?: string;
  /** Called at once when a signal comes: the story that goes on for a moment should not be told. */
  readonly onInterrupt?: () => void;
}

/**
 * Makes a lab, runs `body` in it, and removes it whatever happens: success, failure, or a signal.
 *
 * @throws {InterruptedError} after a signal, when everything is removed
 */
export async function withBypathLab<T>(
  options: WithLabOptions,
  body: (lab: BypathLab) => Promise<T>,
): Promise<T> {
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => {});
  let interruption: InterruptedError | undefined;
  const listeners = (Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[]).map((signal) => {
    const listener = () => {
      options.onInterrupt?.();
      interruption ??= new InterruptedError(signal);
      interrupted.reject(interruption);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  try {
    const lab = await BypathLab.up(options.name);
    try {
      const story = body(lab);
      // After a signal the story goes on for a moment in a lab that is being removed: it fails unheard.
      story.catch(() => {});
      return await Promise.race([story, interrupted.promise]);
    } finally {
      // What went wrong in the story is more interesting than what goes wrong here.
      await lab.down().catch((error) => console.error(`${error.message}`));
    }
  } catch (error) {
    // Ctrl-C also ends the programs that are at work: that is no failure of theirs.
    throw interruption ?? error;
  } finally {
    for (const remove of listeners) remove();
  }
}
