import type { Mapping } from "./memory.ts";
import type { Outbox, OutboxOptions } from "./outbox.ts";
import { SendQueue } from "./send_queue.ts";

/** An outbox that sends with sendmmsg(2), one call for each socket. */
export class SendQueues implements Outbox {
  readonly capacity: number;
  readonly by = "sendmmsg";
  #length = 0;
  readonly #queues: readonly SendQueue[];
  readonly #fds: readonly number[];

  /** Sends from `memory`, which it does not own. */
  constructor(memory: Mapping, fds: readonly number[], options: OutboxOptions = {}) {
    this.capacity = options.capacity ?? 64;
    this.#fds = fds;
    this.#queues = fds.map(() => new SendQueue(memory, options));
  }

  get failed(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.failed, 0);
  }

  /** That of the first socket that refused one. */
  get lastErrno(): number {
    return this.#queues.find((queue) => queue.failed > 0)?.lastErrno ?? 0;
  }

  get length(): number {
    return this.#length;
  }

  get full(): boolean {
    return this.#length === this.capacity;
  }

  push(output: number, offset: number, lengthBytes: number): void {
    this.#queues[output]!.push(offset, lengthBytes);
    this.#length++;
  }

  flush(): number {
    if (this.#length === 0) return 0;
    this.#length = 0;
    let sent = 0;
    for (let i = 0; i < this.#queues.length; i++) {
      const queue = this.#queues[i]!;
      if (queue.length > 0) sent += queue.flush(this.#fds[i]!);
    }
    return sent;
  }

  [Symbol.dispose](): void {
    for (const queue of this.#queues) queue[Symbol.dispose]();
  }
}
