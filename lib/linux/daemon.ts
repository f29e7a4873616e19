import { notify, notifyReloading, watchdogIntervalMs } from "./systemd.ts";

/** What a daemon does when it is told to. */
export interface DaemonHooks {
  /** SIGHUP. Must not throw: a failed reload leaves things as they are and says so itself. */
  readonly reload?: () => void | Promise<void>;
  /** Is the daemon well? Asked before the watchdog is told so. */
  readonly healthy: () => boolean;
  /** One line for `systemctl status`. */
  readonly status: () => string;
}

/**
 * Runs until SIGTERM or SIGINT, or until `failure` rejects; speaks the systemd notify protocol
 * (sd_notify(3)) meanwhile. Returns the signal, or throws what `failure` was rejected with.
 */
export async function runDaemon(
  hooks: DaemonHooks,
  failure: Promise<never>,
): Promise<"SIGTERM" | "SIGINT"> {
  const stopped = Promise.withResolvers<"SIGTERM" | "SIGINT">();
  const terminate = () => stopped.resolve("SIGTERM");
  const interrupt = () => stopped.resolve("SIGINT");
  const reload = async () => {
    notifyReloading();
    await hooks.reload?.();
    notify("READY=1", `STATUS=${hooks.status()}`);
  };
  Deno.addSignalListener("SIGTERM", terminate);
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGHUP", reload);
  notify("READY=1", `STATUS=${hooks.status()}`);
  const intervalMs = watchdogIntervalMs();
  const timer = intervalMs === undefined ? undefined : setInterval(() => {
    if (hooks.healthy()) notify("WATCHDOG=1");
  }, intervalMs);
  try {
    return await Promise.race([stopped.promise, failure]);
  } finally {
    clearInterval(timer);
    notify("STOPPING=1");
    Deno.removeSignalListener("SIGTERM", terminate);
    Deno.removeSignalListener("SIGINT", interrupt);
    Deno.removeSignalListener("SIGHUP", reload);
  }
}
