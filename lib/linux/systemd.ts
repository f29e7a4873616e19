/** The notify protocol of systemd (sd_notify(3)); without systemd all of it does nothing. */
import { monotonicTimeMs } from "./clock.ts";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_DGRAM } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { openLibc } from "./libc.ts";
import { openSocket } from "./socket.ts";
import { SOCKADDR_UN } from "./structs.ts";

const PATH_BYTES = SOCKADDR_UN.size - SOCKADDR_UN.offsets.sun_path;

/**
 * Tells the service manager, a line each: `READY=1`, `STATUS=…`, `STOPPING=1`, `WATCHDOG=1`.
 *
 * Answers false when nobody asked (NOTIFY_SOCKET is not set). Throws LinuxError when the message
 * does not get there; no service should end because of that.
 */
export function notify(...lines: string[]): boolean {
  const path = Deno.env.get("NOTIFY_SOCKET");
  if (path === undefined || path === "") return false;
  const address = encodeAddress(path);
  using fd = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: "socket to systemd" });
  const message = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  const result = openLibc().sendto(
    fd.number,
    message,
    BigInt(message.length),
    MSG_NOSIGNAL,
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

/** An abstract address starts with `@`, which becomes a zero byte, and has no zero at its end. */
function encodeAddress(path: string): Uint8Array<ArrayBuffer> {
  const isAbstract = path.startsWith("@");
  if (!isAbstract && !path.startsWith("/")) {
    throw new TypeError(`Cannot notify "${path}": neither a path nor an abstract address`);
  }
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  if (name.length > PATH_BYTES) throw new RangeError(`Cannot notify "${path}": too long`);
  const address = new Uint8Array(SOCKADDR_UN.offsets.sun_path + name.length);
  new DataView(address.buffer).setUint16(SOCKADDR_UN.offsets.sun_family, AF_UNIX, true);
  address.set(name, SOCKADDR_UN.offsets.sun_path);
  return address;
}
