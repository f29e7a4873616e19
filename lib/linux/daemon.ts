import { notify, notifyReloading, notifyWatchdog, watchdogIntervalMs } from "./systemd.ts";

/** What a daemon does when it is told to. */
export interface DaemonHooks {
  /** SIGHUP. Must not throw: a failed reload leaves things as they are and says so itself. */
  readonly reload?: () => void | Promise<void>;
  /** SIGUSR2: another process is to take this one's place. Must not throw. */
  readonly upgrade?: () => void | Promise<void>;
  /** Is the daemon well? Asked before the watchdog is told so. */
  readonly healthy: () => boolean;
  /** The service manager cannot be told. */
  readonly warn: (message: string) => void;
  /** One line for `systemctl status`. */
  readonly status: () => string;
  /** Another process is the service from now on, and this one's end is none of the service manager's business. */
  readonly isReplaced?: () => boolean;
}

/** SIGTERM and SIGINT as an AbortSignal, caught until this is disposed of. */
export interface StopSignals extends Disposable {
  readonly stop: AbortSignal;
}

/**
 * Catches the signals that end a daemon. To be called before anything is set up, so that a signal
 * during the start takes that down again; a SIGHUP then changes nothing.
 */
export function catchStopSignals(): StopSignals {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const nothing = () => {};
  Deno.addSignalListener("SIGTERM", stop);
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGHUP", nothing);
  return {
    stop: controller.signal,
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGTERM", stop);
      Deno.removeSignalListener("SIGINT", stop);
      Deno.removeSignalListener("SIGHUP", nothing);
    },
  };
}

/**
 * Runs until `stop` is aborted, or until `failure` rejects, and throws then what it was rejected
 * with; speaks the systemd notify protocol (sd_notify(3)) meanwhile.
 */
export async function runDaemon(
  hooks: DaemonHooks,
  { stop, failure }: { stop: AbortSignal; failure: Promise<never> },
): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const onStop = () => stopped.resolve();
  stop.addEventListener("abort", onStop);
  if (stop.aborted) onStop();
  const reload = async () => {
    tell(hooks.warn, notifyReloading);
    await hooks.reload?.();
    tell(hooks.warn, () => notify("READY=1", `STATUS=${hooks.status()}`));
  };
  const upgrade = () => void hooks.upgrade?.();
  Deno.addSignalListener("SIGHUP", reload);
  if (hooks.upgrade) Deno.addSignalListener("SIGUSR2", upgrade);
  tell(hooks.warn, () => notify("READY=1", `STATUS=${hooks.status()}`));
  const intervalMs = watchdogIntervalMs();
  const timer = intervalMs === undefined ? undefined : setInterval(() => {
    if (hooks.healthy()) tell(hooks.warn, notifyWatchdog);
  }, intervalMs);
  try {
    await Promise.race([stopped.promise, failure]);
  } finally {
    clearInterval(timer);
    stop.removeEventListener("abort", onStop);
    Deno.removeSignalListener("SIGHUP", reload);
    if (hooks.upgrade) Deno.removeSignalListener("SIGUSR2", upgrade);
    if (!hooks.isReplaced?.()) tell(hooks.warn, () => notify("STOPPING=1"));
  }
}

/** A service manager that cannot be reached is no reason to end. */
function tell(warn: DaemonHooks["warn"], send: () => boolean): void {
  try {
    send();
  } catch (error) {
    warn((error as Error).message);
  }
}
