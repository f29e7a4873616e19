/** Bytes of the memory that an agent and its watchdog share: one page. */
export const HEARTBEAT_BYTES = 4096;

// 32-bit words, each with one writer. They count and wrap; only a difference means something.
/** How many packet workers there are. */
const WORKERS = 0;
const MAIN = 1;
const WATCHDOG = 3;
/** The watchdog has begun to take routes away, and is done with it. */
const WITHDRAWING = 4;
const WITHDRAWN = 5;
const CAUSE = 6;
/** Of each worker, in a cache line of its own: its turns, and how often it found its queue empty. */
const FIRST_WORKER = 16;
const WORKER_WORDS = 16;
const IDLE = 1;

/** The most packet workers that an agent can have. */
export const MOST_BEATING = (HEARTBEAT_BYTES / 4 - FIRST_WORKER) / WORKER_WORDS;

/** Which thread stood still, in words; the first while nothing did. */
export const CAUSES = ["nothing", "packet thread", "main thread"] as const;

/**
 * Signs of life in shared memory. The agent's threads and its watchdog advance a number each
 * and look at the others': no system call, and nothing that a thread could wait for.
 */
export class Heartbeat {
  readonly #words: Int32Array;

  constructor(buffer: ArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, HEARTBEAT_BYTES / 4);
  }

  /** For a packet worker: in every turn of its loop. */
  beatWorker(worker: number): void {
    this.#words[FIRST_WORKER + worker * WORKER_WORDS]!++;
  }
  /** For a packet worker: its queue of the device was empty just now. */
  beatIdle(worker: number): void {
    this.#words[FIRST_WORKER + worker * WORKER_WORDS + IDLE]!++;
  }
  beatMain(): void {
    this.#words[MAIN]!++;
  }
  beatWatchdog(): void {
    this.#words[WATCHDOG]!++;
  }

  /** How many packet workers give signs of life; the agent says it before it starts its watchdog. */
  get workers(): number {
    return Atomics.load(this.#words, WORKERS);
  }
  set workers(count: number) {
    Atomics.store(this.#words, WORKERS, count);
  }
  worker(worker: number): number {
    return Atomics.load(this.#words, FIRST_WORKER + worker * WORKER_WORDS);
  }
  idle(worker: number): number {
    return Atomics.load(this.#words, FIRST_WORKER + worker * WORKER_WORDS + IDLE);
  }
  get main(): number {
    return Atomics.load(this.#words, MAIN);
  }
  get watchdog(): number {
    return Atomics.load(this.#words, WATCHDOG);
  }

  /** For the watchdog, before it takes the first route away: whoever wakes up meanwhile waits for the end. */
  withdrawing(cause: number): void {
    Atomics.store(this.#words, CAUSE, cause);
    Atomics.add(this.#words, WITHDRAWING, 1);
  }
  /** For the watchdog, after the last; and as it starts, for one that was killed in between. */
  withdrawn(): void {
    Atomics.store(this.#words, WITHDRAWN, Atomics.load(this.#words, WITHDRAWING));
  }

  /** How often routes were taken away. */
  get withdrawals(): number {
    return Atomics.load(this.#words, WITHDRAWN);
  }
  /** Why the last time. */
  get cause(): (typeof CAUSES)[number] {
    return CAUSES[Atomics.load(this.#words, CAUSE)] ?? CAUSES[0];
  }
}
