import { EACCES, EPERM } from "./constants.ts";
import { errnoName } from "./errno_names.ts";
import { lastErrno, openLibc } from "./libc.ts";

export { errnoName, lastErrno };

/** What a {@link LinuxError} knows besides what was attempted. */
export interface LinuxErrorOptions {
  /** The C function or ioctl that failed, such as "bind". */
  readonly call: string;
  /** What to do about it; appended to the message. */
  readonly hint?: string;
  /** The capability that the call needs; appended when the kernel refused permission. */
  readonly needs?: string;
}

/**
 * A system call failed: `Cannot bind to "eth0": operation not permitted, needs CAP_NET_RAW`.
 */
export class LinuxError extends Error {
  override name = "LinuxError";
  /** The errno value, such as 1. */
  readonly errno: number;
  /** Its name, such as "EPERM". */
  readonly code: string;
  /** The C function that failed. */
  readonly call: string;

  /** `action` completes "Cannot …". */
  constructor(action: string, errno: number, options: LinuxErrorOptions) {
    super(`Cannot ${action}: ${[errnoText(errno), ...hints(errno, options)].join(", ")}`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.call = options.call;
  }
}

/** The C library's text for an errno value, such as "operation not permitted". */
export function errnoText(errno: number): string {
  const text = Deno.UnsafePointerView.getCString(openLibc().strerror(errno)!);
  const startsWithWord = /^[A-Z][a-z]/.test(text);
  return startsWithWord ? text[0]!.toLowerCase() + text.slice(1) : text;
}

function hints(errno: number, { hint, needs }: LinuxErrorOptions): string[] {
  const refused = errno === EPERM || errno === EACCES;
  return [...(needs !== undefined && refused ? [`needs ${needs}`] : []), ...(hint ? [hint] : [])];
}
