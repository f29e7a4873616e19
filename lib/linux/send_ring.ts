import { EAGAIN, IORING_OP_SEND, IOSQE_CQE_SKIP_SUCCESS, MSG_DONTWAIT } from "./constants.ts";
import { IoUring, SQE_WORDS } from "./io_uring.ts";
import type { Mapping } from "./memory.ts";
import type { Outbox, OutboxOptions } from "./outbox.ts";
import { SendQueues } from "./send_queues.ts";
import { IO_URING_SQE } from "./structs.ts";

const { opcode, flags, fd, addr, len, msg_flags, user_data } = IO_URING_SQE.offsets;
const FD = fd / 4;
const ADDRESS = addr / 4;
const LENGTH = len / 4;

/**
 * An outbox that hands its messages to the kernel by io_uring: no message has a header of its own to be
 * copied and checked first, as sendmmsg(2) needs it, and those of all sockets go with one call. Needs
 * Linux 6.0.
 *
 * Belongs to the thread that makes it.
 */
export class SendRing implements Outbox {
  readonly capacity: number;
  readonly by = "io_uring";
  failed = 0;
  lastErrno = 0;
  #length = 0;
  readonly #ring: IoUring;
  readonly #entries: Int32Array;
  readonly #fds: readonly number[];
  /** For what finds a full send buffer. */
  readonly #waiting: SendQueues;
  readonly #memoryBytes: number;
  readonly #baseLow: number;
  readonly #baseHigh: number;

  /** Sends from `memory`, which it does not own. @throws {LinuxError} where io_uring cannot be had */
  constructor(memory: Mapping, fds: readonly number[], options: OutboxOptions = {}) {
    this.capacity = options.capacity ?? 64;
    this.#memoryBytes = memory.lengthBytes;
    this.#baseLow = Number(BigInt.asIntN(32, memory.address));
    this.#baseHigh = Number(memory.address >> 32n);
    this.#ring = new IoUring(this.capacity);
    this.#entries = this.#ring.submissions;
    this.#fds = fds;
    this.#waiting = new SendQueues(memory, fds, options);
    this.#prepare();
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.capacity;
  }

  push(output: number, offset: number, lengthBytes: number): void {
    const inside = offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= this.#memoryBytes;
    if (this.full || !inside) this.#refuse(offset, lengthBytes);
    // 64-bit address = base + offset in halves of 32 bits, because a bigint would allocate.
    const low = (this.#baseLow + offset) | 0;
    const carry = (low >>> 0) < (this.#baseLow >>> 0) ? 1 : 0;
    const entries = this.#entries;
    const at = this.#ring.entryAt(this.#length) * SQE_WORDS;
    entries[at + FD] = this.#fds[output]!;
    entries[at + ADDRESS] = low;
    entries[at + ADDRESS + 1] = this.#baseHigh + carry;
    entries[at + LENGTH] = lengthBytes;
    this.#length++;
  }

  flush(): number {
    const length = this.#length;
    if (length === 0) return 0;
    this.#length = 0;
    const first = this.#ring.entryAt(0);
    const taken = this.#ring.submit(length);
    const refused = this.#refusals();
    for (let i = taken; i < length; i++) this.#wait((first + i) & (this.#ring.entries - 1));
    const sent = taken - refused;
    return this.#waiting.length === 0 ? sent : sent + this.#flushWaiting();
  }

  [Symbol.dispose](): void {
    this.#waiting[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
  }

  /** What is the same for every message. */
  #prepare(): void {
    const { entries, submissions } = this.#ring;
    const view = new DataView(submissions.buffer);
    for (let i = 0; i < entries; i++) {
      const at = i * IO_URING_SQE.size;
      view.setUint8(at + opcode, IORING_OP_SEND);
      view.setUint8(at + flags, IOSQE_CQE_SKIP_SUCCESS);
      view.setUint32(at + msg_flags, MSG_DONTWAIT, true);
      view.setUint32(at + user_data, i, true);
    }
  }

  /** Looks at what the kernel refused: how many. Those that found a full buffer go once more, by other means. */
  #refusals(): number {
    const ring = this.#ring;
    const count = ring.results;
    for (let i = 0; i < count; i++) {
      const errno = -ring.result(i);
      if (errno === EAGAIN) this.#wait(ring.resultOf(i));
      else this.#fail(errno, 1);
    }
    if (count > 0) ring.forget(count);
    return count;
  }

  #wait(entry: number): void {
    const at = entry * SQE_WORDS;
    const offset = (this.#entries[at + ADDRESS]! - this.#baseLow) >>> 0;
    const output = this.#fds.indexOf(this.#entries[at + FD]!);
    this.#waiting.push(output, offset, this.#entries[at + LENGTH]!);
  }

  #flushWaiting(): number {
    const failed = this.#waiting.failed;
    const sent = this.#waiting.flush();
    if (this.#waiting.failed > failed) {
      this.#fail(this.#waiting.lastErrno, this.#waiting.failed - failed);
    }
    return sent;
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
