import { EINTR, POLLERR, POLLHUP, POLLIN, POLLNVAL } from "./constants.ts";
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
 * Waits on a thread of the runtime's pool until the descriptor can be read, has an error or was
 * hung up (true), or the time is over (false). For the main thread.
 *
 * It cannot be called off: the descriptor must stay open, and the process stays, until it settles.
 * Have it wake up now and then, or close the other end.
 */
export async function waitReadable(fd: number, timeoutMs: number): Promise<boolean> {
  using memory = mapAnonymous(POLLFD.size);
  const view = new DataView(memory.buffer);
  view.setInt32(POLLFD.offsets.fd, fd, true);
  view.setInt16(POLLFD.offsets.events, POLLIN, true);
  const count = await openLibc().poll_elsewhere(memory.pointer, 1n, timeoutMs);
  if (count <= 0) return false;
  const found = view.getInt16(POLLFD.offsets.revents, true);
  if (found & POLLNVAL) throw new TypeError(`Cannot wait for descriptor ${fd}: it is not open`);
  return (found & (POLLIN | POLLERR | POLLHUP)) !== 0;
}
