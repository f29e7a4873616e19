import { EAGAIN, LOCK_EX, LOCK_NB, O_CREAT, O_RDWR } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { type Fd, openFile } from "./fd.ts";
import { openLibc } from "./libc.ts";

/** A lock that nobody else has; closing it, or the end of the process, gives it up. */
export interface FileLock extends Disposable {
  /** Holds the lock as long as it is open somewhere; it may be passed to another process. */
  readonly fd: Fd;
  readonly path: string;
  close(): void;
}

/**
 * Takes the lock of a file (flock(2)), which is made when it is missing and stays afterwards:
 * deleting it would let two processes hold locks of two files of the same name.
 *
 * Throws LinuxError, EAGAIN when somebody has it.
 */
export function lockFile(path: string): FileLock {
  const fd = openFile(path, O_RDWR | O_CREAT);
  const result = openLibc().flock(fd.number, LOCK_EX | LOCK_NB);
  const errno = lastErrno();
  if (result < 0) {
    fd.close();
    throw lockError(path, errno);
  }
  return heldLock(path, fd);
}

/** A lock that another process has passed on. */
export function heldLock(path: string, fd: Fd): FileLock {
  const close = () => fd.close();
  return { path, fd, close, [Symbol.dispose]: close };
}

function lockError(path: string, errno: number): LinuxError {
  const hint = errno === EAGAIN ? { hint: "another process holds it" } : {};
  return new LinuxError(`lock "${path}"`, errno, { call: "flock", ...hint });
}
