/** The notify protocol of systemd (sd_notify(3)); without systemd all of it does nothing. */
import { monotonicTimeMs } from "./clock.ts";
import { AF_UNIX, EAGAIN, MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_DGRAM } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { openLibc } from "./libc.ts";
import { openSocket } from "./socket.ts";
import { encodeUnixAddress } from "./unix_address.ts";

/**
 * Tells the service manager, a line each: `READY=1`, `STATUS=…`, `STOPPING=1`, `WATCHDOG=1`.
 *
 * Answers false when nobody asked (NOTIFY_SOCKET is not set). Throws LinuxError when the message
 * does not get there; no service should end because of that.
 */
export function notify(...lines: string[]): boolean {
  return send(lines, 0);
}

/**
 * Tells `WATCHDOG=1`. One that finds no room is left out: a service manager that does not listen just
 * now has no use for it, and must not hold up what it watches.
 */
export function notifyWatchdog(): boolean {
  try {
    return send(["WATCHDOG=1"], MSG_DONTWAIT);
  } catch (error) {
    if (error instanceof LinuxError && error.errno === EAGAIN) return false;
    throw error;
  }
}

function send(lines: readonly string[], flags: number): boolean {
  const path = Deno.env.get("NOTIFY_SOCKET");
  if (path === undefined || path === "") return false;
  const address = encodeUnixAddress(path);
  using fd = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "socket to systemd" });
  const message = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  const result = openLibc().sendto(
    fd.number,
    message,
    BigInt(message.length),
    MSG_NOSIGNAL | flags,
    address,
    address.length,
  );
  const errno = lastErrno();
  if (result < 0) throw new LinuxError(`notify "${path}"`, errno, { call: "sendto" });
  return true;
}

/** Tells that the configuration is read again; `READY=1` tells when that is over. */
export function notifyReloading(): boolean {
  // Type=notify-reload wants the time, to tell this reload from an earlier one.
  return notify("RELOADING=1", `MONOTONIC_USEC=${Math.floor(monotonicTimeMs() * 1000)}`);
}

/**
 * How often to tell `WATCHDOG=1`: half the time after which systemd would restart this process,
 * as sd_watchdog_enabled(3) advises. Undefined when it does not watch this process.
 */
export function watchdogIntervalMs(): number | undefined {
  const limitUs = Number(Deno.env.get("WATCHDOG_USEC") ?? "");
  const pid = Deno.env.get("WATCHDOG_PID");
  if (!(limitUs > 0) || (pid !== undefined && pid !== String(Deno.pid))) return undefined;
  return limitUs / 1000 / 2;
}

/** What a service manager told a process of its service, for the process that takes its place. */
export interface ServiceManager {
  readonly notifySocket?: string;
  readonly watchdogUs?: string;
}

/** What this process was told. */
export function serviceManager(): ServiceManager {
  const notifySocket = Deno.env.get("NOTIFY_SOCKET");
  const watchdogUs = watchdogIntervalMs() === undefined ? undefined : Deno.env.get("WATCHDOG_USEC");
  return {
    ...(notifySocket !== undefined && { notifySocket }),
    ...(watchdogUs !== undefined && { watchdogUs }),
  };
}

/** This process is the service's main process from now on. */
export function takeServiceOver({ notifySocket, watchdogUs }: ServiceManager): void {
  if (notifySocket !== undefined) Deno.env.set("NOTIFY_SOCKET", notifySocket);
  if (watchdogUs === undefined) return;
  Deno.env.set("WATCHDOG_USEC", watchdogUs);
  Deno.env.set("WATCHDOG_PID", String(Deno.pid));
}
