import { EINTR, POLLIN, POLLNVAL } from "./constants.ts";
import { lastErrno, openLibc } from "./libc.ts";
import { mapAnonymous, type Mapping } from "./memory.ts";
import { POLLFD } from "./structs.ts";

const FD_WORDS = POLLFD.size / 4;
const EVENTS = POLLFD.offsets.events / 2;
const REVENTS = POLLFD.offsets.revents / 2;

/**
 * Waits for one of several descriptors (poll(2)); nothing is allocated per call.
 *
 * `wait` blocks its thread and everything else that thread does: it is for worker threads.
 */
export class Poller implements Disposable {
  readonly #memory: Mapping;
  readonly #words: Int32Array;
  readonly #halves: Int16Array;
  readonly #pointer: Deno.PointerObject;
  readonly #capacity: number;
  /** A bigint kept ready, because the parameter is an unsigned long; see libc.ts. */
  #count = 0n;
  readonly #libc = openLibc();

  constructor(options: { readonly capacity?: number } = {}) {
    this.#capacity = options.capacity ?? 16;
    this.#memory = mapAnonymous(this.#capacity * POLLFD.size);
    this.#words = new Int32Array(this.#memory.buffer);
    this.#halves = new Int16Array(this.#memory.buffer);
    this.#pointer = this.#memory.pointer;
  }

  /** Adds a descriptor with the events to wait for (POLLIN, POLLOUT); returns its index. */
  add(fd: number, events: number): number {
    const index = Number(this.#count);
    if (index === this.#capacity) throw new RangeError(`Cannot poll more than ${index} files`);
    this.#count = BigInt(index + 1);
    this.#words[index * FD_WORDS] = fd;
    this.#halves[index * FD_WORDS * 2 + EVENTS] = events;
    return index;
  }

  /** Puts another descriptor in the place of one; a negative number is never ready. */
  setFd(index: number, fd: number): void {
    this.#words[index * FD_WORDS] = fd;
  }

  /**
   * Waits until one is ready or the time is over (-1: for ever), and returns how many are ready,
   * or -errno. A signal ends the wait early with 0.
   */
  wait(timeoutMs: number): number {
    const count = this.#libc.poll(this.#pointer, this.#count, timeoutMs);
    if (count >= 0) return count;
    const errno = lastErrno();
    return errno === EINTR ? 0 : -errno;
  }

  /** The events found by the last wait; POLLERR, POLLHUP and POLLNVAL come unasked. */
  ready(index: number): number {
    return this.#halves[index * FD_WORDS * 2 + REVENTS]!;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

/**
 * Waits on a thread of the runtime's pool until one of the descriptors can be read, has an error
 * or was hung up (true), or the time is over (false). For the main thread.
 *
 * The descriptors must stay open, and the process stays, until it settles: closing one does not
 * end the wait. Give an eventfd along to call it off, or a short time.
 *
 * Rejects with TypeError for a descriptor that is not open.
 */
export async function waitReadable(
  fds: number | readonly number[],
  timeoutMs: number,
): Promise<boolean> {
  const numbers = typeof fds === "number" ? [fds] : fds;
  using memory = mapAnonymous(Math.max(1, numbers.length) * POLLFD.size);
  const view = new DataView(memory.buffer);
  numbers.forEach((fd, i) => {
    view.setInt32(i * POLLFD.size + POLLFD.offsets.fd, fd, true);
    view.setInt16(i * POLLFD.size + POLLFD.offsets.events, POLLIN, true);
  });
  const count = BigInt(numbers.length);
  const ready = await openLibc().poll_elsewhere(memory.pointer, count, timeoutMs);
  if (ready <= 0) return false;
  const found = numbers.map((_, i) => {
    return view.getInt16(i * POLLFD.size + POLLFD.offsets.revents, true);
  });
  const closed = found.findIndex((events) => (events & POLLNVAL) !== 0);
  if (closed < 0) return true;
  throw new TypeError(`Cannot wait for descriptor ${numbers[closed]}: it is not open`);
}
