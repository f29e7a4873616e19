/** Opening sockets and setting their options; the edge that the socket modules share. */
import {
  EPERM,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOL_SOCKET,
} from "./constants.ts";
import { lastErrno, LinuxError, type LinuxErrorOptions } from "./error.ts";
import { Fd } from "./fd.ts";
import { openLibc } from "./libc.ts";

/** Which socket, and what to say about it. */
export interface OpenSocketOptions {
  readonly domain: number;
  /** SOCK_*, flags included; SOCK_CLOEXEC is added. */
  readonly type: number;
  readonly protocol?: number;
  /** For messages: `packet socket`. */
  readonly label: string;
  readonly needs?: string;
}

/** Opens a socket. Throws LinuxError. */
export function openSocket(options: OpenSocketOptions): Fd {
  const { domain, type, protocol = 0, label } = options;
  const number = openLibc().socket(domain, type | SOCK_CLOEXEC, protocol);
  const errno = lastErrno();
  if (number < 0) throw new LinuxError(`open a ${label}`, errno, errorOptions("socket", options));
  return new Fd(number, label);
}

/** A socket option, and what to say when it cannot be set. */
export interface SocketOption {
  readonly level: number;
  readonly name: number;
  readonly value: number | Uint8Array<ArrayBuffer>;
  /** Completes "Cannot …". */
  readonly action: string;
  readonly needs?: string;
}

/** Sets a socket option. Throws LinuxError. */
export function setSocketOption(fd: Fd, option: SocketOption): void {
  const { level, name, value, action } = option;
  const bytes = typeof value === "number" ? new Int32Array([value]) : value;
  const result = openLibc().setsockopt(fd.number, level, name, bytes, bytes.byteLength);
  const errno = lastErrno();
  if (result < 0) throw new LinuxError(action, errno, errorOptions("setsockopt", option));
}

/** Binds a socket to a filled-in `struct sockaddr_*`. Throws LinuxError. */
export function bindSocket(
  fd: Fd,
  address: Uint8Array<ArrayBuffer>,
  options: { action: string; needs?: string },
): void {
  const result = openLibc().bind(fd.number, address, address.byteLength);
  const errno = lastErrno();
  if (result < 0) throw new LinuxError(options.action, errno, errorOptions("bind", options));
}

/**
 * Asks for a receive buffer, past the limit of the host where the privilege is there.
 *
 * The kernel doubles the figure, and counts its own overhead of each packet against it.
 */
export function setReceiveBuffer(fd: Fd, lengthBytes: number): void {
  setBuffer(fd, lengthBytes, { forced: SO_RCVBUFFORCE, ordinary: SO_RCVBUF });
}

/** The same for the send buffer. */
export function setSendBuffer(fd: Fd, lengthBytes: number): void {
  setBuffer(fd, lengthBytes, { forced: SO_SNDBUFFORCE, ordinary: SO_SNDBUF });
}

function setBuffer(fd: Fd, value: number, names: { forced: number; ordinary: number }): void {
  const action = `set a buffer of ${value} bytes`;
  try {
    setSocketOption(fd, { level: SOL_SOCKET, name: names.forced, value, action });
  } catch (error) {
    if (!(error instanceof LinuxError && error.errno === EPERM)) throw error;
    setSocketOption(fd, { level: SOL_SOCKET, name: names.ordinary, value, action });
  }
}

function errorOptions(call: string, { needs }: { needs?: string }): LinuxErrorOptions {
  return needs === undefined ? { call } : { call, needs };
}
