import { EAGAIN, EINTR, MSG_DONTWAIT, POLLOUT } from "./constants.ts";
import { lastErrno, openLibc } from "./libc.ts";
import { mapAnonymous, type Mapping } from "./memory.ts";
import { Poller } from "./poll.ts";
import { IOVEC, MMSGHDR } from "./structs.ts";

export interface SendQueueOptions {
  /** How many messages it holds; default 64. */
  readonly capacity?: number;
  /** How long a full send buffer may hold up a flush, per message that got through; default 10. */
  readonly waitMs?: number;
}

const IOVEC_WORDS = IOVEC.size / 4;

/**
 * Messages lying in one mapping, sent in place with one system call (sendmmsg(2)).
 *
 * The bytes must stay as they are from `push` to `flush`. Nothing is allocated per call, and no
 * failure of the network throws: what cannot be sent is skipped and counted.
 */
export class SendQueue implements Disposable {
  readonly capacity: number;
  /** Messages that could not be sent, since the queue was made. */
  failed = 0;
  /** Why the last of them could not. */
  lastErrno = 0;
  #length = 0;
  readonly #waitMs: number;
  readonly #memoryBytes: number;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  readonly #headers: Mapping;
  readonly #iovecs: Int32Array;
  /** Where message i starts: made once, since making one allocates. */
  readonly #pointers: Deno.PointerObject[];
  readonly #poller = new Poller({ capacity: 1 });
  readonly #libc = openLibc();

  /** The queue sends from `memory`, which it does not own. */
  constructor(memory: Mapping, options: SendQueueOptions = {}) {
    this.capacity = options.capacity ?? 64;
    this.#waitMs = options.waitMs ?? 10;
    this.#memoryBytes = memory.lengthBytes;
    this.#baseLow = Number(BigInt.asIntN(32, memory.address));
    this.#baseHigh = Number(memory.address >> 32n);
    this.#headers = buildHeaders(this.capacity);
    this.#iovecs = new Int32Array(this.#headers.buffer, this.capacity * MMSGHDR.size);
    this.#pointers = Array.from(
      { length: this.capacity },
      (_, i) => Deno.UnsafePointer.create(this.#headers.address + BigInt(i * MMSGHDR.size))!,
    );
    this.#poller.add(-1, POLLOUT);
  }

  /** How many messages wait. */
  get length(): number {
    return this.#length;
  }

  /** Whether the next `push` has to be preceded by a `flush`. */
  get full(): boolean {
    return this.#length === this.capacity;
  }

  /**
   * Adds a message: where it starts in the memory, and how long it is.
   *
   * Throws RangeError when the queue is full or the message is not inside the memory.
   */
  push(offset: number, lengthBytes: number): void {
    const i = this.#length;
    const inside = offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= this.#memoryBytes;
    if (i === this.capacity || !inside) this.#refuse(offset, lengthBytes);
    // 64-bit address = base + offset in halves of 32 bits, because a bigint would allocate.
    const low = (this.#baseLow + offset) | 0;
    const carry = (low >>> 0) < (this.#baseLow >>> 0) ? 1 : 0;
    const iovecs = this.#iovecs;
    iovecs[i * IOVEC_WORDS] = low;
    iovecs[i * IOVEC_WORDS + 1] = this.#baseHigh + carry;
    iovecs[i * IOVEC_WORDS + 2] = lengthBytes;
    this.#length = i + 1;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#length = 0;
  }

  /**
   * Sends everything that waits, and returns how many messages went out.
   *
   * A message that the kernel refuses is skipped and counted in `failed`. When the send buffer is
   * full it waits for room, as long as messages get through between the waits; then the rest fails.
   */
  flush(fd: number): number {
    const length = this.#length;
    this.#length = 0;
    let next = 0;
    let sent = 0;
    let waited = false;
    while (next < length) {
      const count = this.#libc.sendmmsg(fd, this.#pointers[next]!, length - next, MSG_DONTWAIT);
      const errno = lastErrno();
      if (count > 0) {
        next += count;
        sent += count;
        waited = false;
      } else if (errno === EAGAIN) {
        if (waited) {
          this.#fail(errno, length - next);
          break;
        }
        waited = true;
        this.#poller.setFd(0, fd);
        this.#poller.wait(this.#waitMs);
      } else if (errno !== EINTR) {
        this.#fail(errno, 1);
        next++;
      }
    }
    return sent;
  }

  [Symbol.dispose](): void {
    this.#headers[Symbol.dispose]();
    this.#poller[Symbol.dispose]();
  }

  #fail(errno: number, count: number): void {
    this.failed += count;
    this.lastErrno = errno;
  }

  #refuse(offset: number, lengthBytes: number): never {
    throw new RangeError(
      `Cannot queue ${lengthBytes} bytes at ${offset}: ${this.#length} of ${this.capacity} wait, the memory has ${this.#memoryBytes}`,
    );
  }
}

/** One mapping: the mmsghdrs, without addresses, then their iovecs, to be filled in by push. */
function buildHeaders(capacity: number): Mapping {
  const iovecsOffset = capacity * MMSGHDR.size;
  const headers = mapAnonymous(iovecsOffset + capacity * IOVEC.size);
  const view = new DataView(headers.buffer);
  for (let i = 0; i < capacity; i++) {
    const at = i * MMSGHDR.size;
    const iovec = headers.address + BigInt(iovecsOffset + i * IOVEC.size);
    view.setBigUint64(at + MMSGHDR.offsets["msg_hdr.msg_iov"], iovec, true);
    view.setBigUint64(at + MMSGHDR.offsets["msg_hdr.msg_iovlen"], 1n, true);
  }
  return headers;
}
