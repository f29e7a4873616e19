import { AF_UNIX, EADDRINUSE, SOCK_DGRAM } from "./constants.ts";
import { LinuxError } from "./error.ts";
import { Fd } from "./fd.ts";
import { bindSocket, openSocket } from "./socket.ts";
import { encodeUnixAddress } from "./unix_address.ts";

/** A name that is held as long as its descriptor is open somewhere; it may be passed to another process. */
export interface NamespaceName extends Disposable {
  readonly fd: Fd;
}

/**
 * Takes a name that one process of a network namespace can have at a time, until it gives it up or
 * ends, however it ends: the kernel keeps abstract socket addresses by namespace (unix(7)).
 *
 * Answers null when another process has it.
 */
export function takeNamespaceName(name: string): NamespaceName | null {
  const fd = openSocket({ domain: AF_UNIX, type: SOCK_DGRAM, label: `name ${name}` });
  try {
    bindSocket(fd, encodeUnixAddress(`@${name}`), { action: `take the name ${name}` });
  } catch (error) {
    fd.close();
    if (error instanceof LinuxError && error.errno === EADDRINUSE) return null;
    throw error;
  }
  return receivedName(fd);
}

/** A name that another process has passed on. */
export function receivedName(fd: Fd): NamespaceName {
  return { fd, [Symbol.dispose]: () => fd.close() };
}
