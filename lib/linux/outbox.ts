import { LinuxError } from "./error.ts";
import type { Mapping } from "./memory.ts";
import { SendQueues } from "./send_queues.ts";
import { SendRing } from "./send_ring.ts";

/** Messages lying in one mapping, to be sent in place by several sockets. */
export interface Outbox extends Disposable {
  readonly capacity: number;
  /** How it hands messages to the kernel. */
  readonly by: "io_uring" | "sendmmsg";
  /** How many messages wait. */
  readonly length: number;
  /** Whether the next `push` has to be preceded by a `flush`. */
  readonly full: boolean;
  /** Messages that could not be sent, since it was opened. */
  readonly failed: number;
  /** Why the last of them could not. */
  readonly lastErrno: number;
  /**
   * Adds a message: which socket it is for, where it starts in the memory, and how long it is. The bytes
   * must stay as they are until `flush`.
   *
   * Throws RangeError when the outbox is full or the message is not inside the memory.
   */
  push(output: number, offset: number, lengthBytes: number): void;
  /**
   * Sends everything that waits, and returns how many messages went out. Those of one socket go in the
   * order in which they came, but for those that found its send buffer full, which go last.
   *
   * A message that the kernel refuses is skipped and counted in `failed`. When a send buffer is full it
   * waits for room, as long as messages get through between the waits; then the rest fails.
   */
  flush(): number;
}

export interface OutboxOptions {
  /** How many messages it holds; default 64. */
  readonly capacity?: number;
  /** How long a full send buffer may hold up a flush, per message that got through; default 10. */
  readonly waitMs?: number;
}

/** The best that this kernel has, for one thread: a SendRing or SendQueues. */
export function openOutbox(
  memory: Mapping,
  fds: readonly number[],
  options: OutboxOptions = {},
): Outbox {
  try {
    return new SendRing(memory, fds, options);
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    // An older kernel, or one that keeps io_uring from programs: sendmmsg sends the same.
    return new SendQueues(memory, fds, options);
  }
}
