import { type EventFd, openEventFd, signalEventFd } from "../linux/event_fd.ts";
import { makeCounters } from "../session/counters.ts";
import {
  LISTENING,
  type PacketThreadAnswer,
  type PacketThreadShared,
  POSTED,
  SLEEPING,
} from "./packet_thread_end.ts";
import { Ring } from "./ring.ts";
import { workerUrl } from "./worker_url.ts";

/** How often the main thread looks for events by itself once one has come. */
const LISTEN_MS = 1;
/** For how long events are handled in one go, as others wait for the main thread too. */
const HANDLING_MS = 10;
/** Events between two looks at the clock. */
const CHUNK = 32;

export interface PacketThreadOptions {
  /** The worker's file in the source tree. */
  readonly path: string;
  /** Records that each ring holds; powers of two. */
  readonly events: number;
  readonly commands: number;
  /** Each event of the worker. */
  readonly onEvent: (a: number, b: number, c: number, d: number) => void;
  /** The worker came to an end of itself. */
  readonly onFailure: (message: string) => void;
}

/**
 * The main thread's end of a packet worker: starts it, rings it, drains its events, ends it. The
 * worker blocks in its loop; a message is announced in shared memory, which ends the loop for as
 * long as it takes to handle it.
 */
export class PacketThread {
  readonly counters: Float64Array<SharedArrayBuffer> = makeCounters();
  readonly shared: PacketThreadShared;
  readonly #options: PacketThreadOptions;
  readonly #events: Ring;
  readonly #commands: Ring;
  readonly #signals = new Int32Array(new SharedArrayBuffer(64));
  readonly #bell: EventFd = openEventFd();
  readonly #worker: Worker;
  readonly #loaded = Promise.withResolvers<void>();
  #started = Promise.withResolvers<unknown>();
  #done = Promise.withResolvers<void>();
  /** Requests that have no answer yet, oldest first. */
  readonly #requests: PromiseWithResolvers<unknown>[] = [];
  #listening: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PacketThreadOptions) {
    this.#options = options;
    this.#events = new Ring(options.events);
    this.#commands = new Ring(options.commands);
    this.shared = {
      counters: this.counters.buffer,
      events: this.#events.buffer,
      commands: this.#commands.buffer,
      signals: this.#signals.buffer as SharedArrayBuffer,
      bell: this.#bell.fd.number,
    };
    this.#worker = new Worker(workerUrl(options.path), { type: "module" });
    this.#worker.onmessage = (event: MessageEvent<PacketThreadAnswer>) => this.#answer(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failed(event.message);
    };
  }

  /** When the worker has its program and can be started without delay. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** Sends the first message; resolves, with what the worker reports, when it can carry packets. */
  start(message: unknown): Promise<unknown> {
    this.#worker.postMessage(message);
    return this.#started.promise;
  }

  /** Sends a message and wakes the worker for it. */
  post(message: unknown): void {
    // Before it is sent: a worker outside of its loop may have handled it at once, and would wait for another one.
    Atomics.add(this.#signals, POSTED, 1);
    this.#worker.postMessage(message);
    signalEventFd(this.#bell.fd.number);
  }

  /**
   * The same for a message that the worker answers.
   * @throws {Error} with the worker's own words, when nothing came of it
   */
  request(message: unknown): Promise<unknown> {
    const request = Promise.withResolvers<unknown>();
    this.#requests.push(request);
    this.post(message);
    return request.promise;
  }

  /** Puts a command into the ring; false when it is full. */
  command(a: number, b: number, c: number, d: number): boolean {
    if (this.#commands.push(a, b, c, d) === 0) return false;
    if (Atomics.load(this.#signals, SLEEPING) === 1) signalEventFd(this.#bell.fd.number);
    return true;
  }

  /** Hands over all events that wait, however long that takes. */
  drain(): void {
    this.#events.drain(this.#options.onEvent);
  }

  /**
   * Hands over the first event at once. Where many come, so many messages between the threads would take
   * more of both than the events, so from then on the ring is looked into every {@linkcode LISTEN_MS},
   * until nothing has come for so long.
   */
  #listen(): void {
    // A bell that was on its way already must not have another one look beside this one, and end it.
    clearTimeout(this.#listening);
    Atomics.store(this.#signals, LISTENING, 1);
    this.#handle();
    this.#listening = setTimeout(() => {
      if (!this.#events.empty) return this.#listen();
      Atomics.store(this.#signals, LISTENING, 0);
      // What came before that was stored rang no bell.
      if (!this.#events.empty) this.#listen();
    }, LISTEN_MS);
  }

  #handle(): void {
    const until = performance.now() + HANDLING_MS;
    while (!this.#events.empty && performance.now() < until) {
      this.#events.drain(this.#options.onEvent, CHUNK);
    }
  }

  /** Ends a worker that was not started. */
  terminate(): void {
    this.#worker.terminate();
    this.#bell.close();
  }

  /** Ends the worker in order. */
  async stop(): Promise<void> {
    this.post({ kind: "quit" });
    await this.#done.promise;
    clearTimeout(this.#listening);
    this.#worker.terminate();
    this.#bell.close();
  }

  #answer(answer: PacketThreadAnswer): void {
    switch (answer.kind) {
      case "loaded":
        return this.#loaded.resolve();
      case "ready":
        return this.#started.resolve(answer.report);
      case "bell":
        return this.#listen();
      case "done":
        return this.#done.resolve();
      case "answer": {
        const request = this.#requests.shift();
        if (answer.error === null) request?.resolve(answer.value);
        else request?.reject(new Error(answer.error));
        return;
      }
      case "failed":
        return this.#failed(answer.message);
    }
  }

  #failed(message: string): void {
    this.#started.reject(new Error(message));
    this.#loaded.resolve();
    // Nobody may be waiting any more.
    this.#started.promise.catch(() => {});
    this.#done.resolve();
    for (const request of this.#requests.splice(0)) request.reject(new Error(message));
    this.#options.onFailure(message);
  }
}
