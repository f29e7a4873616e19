import { O_CLOEXEC } from "./constants.ts";
import { lastErrno, LinuxError } from "./error.ts";
import { cString, openLibc } from "./libc.ts";

/** A file descriptor with one owner, who closes it. */
export class Fd implements Disposable {
  static readonly #open = new Set<Fd>();

  /** The number that the kernel knows it by; another thread may use the number alone. */
  readonly number: number;
  /** What it is, for people, such as `packet socket on interface 2`. */
  readonly label: string;

  /** Takes ownership of an open descriptor. */
  constructor(number: number, label: string) {
    this.number = number;
    this.label = label;
    Fd.#open.add(this);
  }

  /** The descriptors of this thread that nobody closed yet: tests look for leaks here. */
  static get open(): readonly Fd[] {
    return [...Fd.#open];
  }

  get closed(): boolean {
    return !Fd.#open.has(this);
  }

  /** Closes it; a second call does nothing, because the number may be another file's by then. */
  close(): void {
    if (!Fd.#open.delete(this)) return;
    openLibc().close(this.number);
  }

  /** Gives up ownership: from now on whoever has the number closes it. */
  release(): number {
    Fd.#open.delete(this);
    return this.number;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a file with O_* flags, O_CLOEXEC added; a file that O_CREAT makes has mode 0600.
 *
 * Throws LinuxError.
 */
export function openFile(path: string, flags: number, label = path): Fd {
  const number = openLibc().open(cString(path), flags | O_CLOEXEC, 0o600);
  const errno = lastErrno();
  if (number < 0) throw new LinuxError(`open "${path}"`, errno, { call: "open" });
  return new Fd(number, label);
}
