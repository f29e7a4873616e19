import { collectGarbage } from "./collect_garbage.ts";
import { Ring } from "./ring.ts";

/** Words of `signals`: the worker sleeps; how many messages were posted to it; its events are looked for without a bell. */
export const SLEEPING = 0;
export const POSTED = 1;
export const LISTENING = 2;

/** Shared memory by which a packet worker and its main thread speak. */
export interface PacketThreadShared {
  readonly counters: SharedArrayBuffer;
  readonly events: SharedArrayBuffer;
  readonly commands: SharedArrayBuffer;
  readonly signals: SharedArrayBuffer;
  readonly bell: number;
}

/** Where a packet worker runs, and how it waits for packets. */
export interface PacketThreadPace {
  /** The CPU that it stays on; null: the kernel decides. */
  readonly cpu: number | null;
  /** How long it goes on asking before it sleeps. */
  readonly busyPollMs: number;
}

/** What a packet worker says to its main thread. */
export type PacketThreadAnswer =
  /** `loaded`: it can be started; `bell`: the events ring was empty and is no longer. */
  | { readonly kind: "loaded" | "bell" | "done" }
  /** It can carry packets; with what its maker reports. */
  | { readonly kind: "ready"; readonly report: unknown }
  /** To a request: what came of it, or why nothing did. */
  | { readonly kind: "answer"; readonly value: unknown; readonly error: string | null }
  | { readonly kind: "failed"; readonly message: string };

/** The worker's global scope, as far as it is needed. */
const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
  close(): void;
};

/** A packet worker's end of the same: what its loop asks between batches. */
export class PacketThreadEnd {
  readonly counters: Float64Array;
  readonly events: Ring;
  readonly commands: Ring;
  readonly #signals: Int32Array;
  #handled = 0;

  constructor(shared: PacketThreadShared) {
    this.counters = new Float64Array(shared.counters);
    this.events = new Ring(shared.events);
    this.commands = new Ring(shared.commands);
    this.#signals = new Int32Array(shared.signals);
  }

  /** A posted message waits: the loop has to end so that it can be received. */
  get interrupted(): boolean {
    return Atomics.load(this.#signals, POSTED) !== this.#handled;
  }

  /** A posted message was received. */
  received(): void {
    this.#handled++;
  }

  /** Answers the request that was received: with what `carryOut` returns, or with the error that it throws. */
  answer(carryOut: () => unknown): void {
    let value: unknown = null;
    let error: string | null = null;
    try {
      value = carryOut();
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown);
    }
    answer({ kind: "answer", value, error });
  }

  sleeping(is: boolean): void {
    Atomics.store(this.#signals, SLEEPING, is ? 1 : 0);
  }

  /** Tells the main thread something, and rings it when it may be asleep; false when full. */
  tell(a: number, b: number, c: number, d: number): boolean {
    const result = this.events.push(a, b, c, d);
    // A message costs both threads more than the event.
    if (result === 2 && Atomics.load(this.#signals, LISTENING) === 0) answer({ kind: "bell" });
    return result !== 0;
  }
}

/** What a worker can do before it is started. */
export interface Idle {
  /** Does a few milliseconds' work; false when there is no more of it. */
  step(): boolean;
}

/**
 * Runs a packet worker: `start` makes it of the first message, later ones go to `message`.
 *
 * @param idle makes what is worked at until the first message comes
 */
export function servePackets<Start extends { kind: "start" }, Message>(
  start: (
    message: Start,
  ) => { message(message: Message): boolean; run(): void; readonly report?: unknown },
  idle?: () => Idle,
): void {
  let worker: ReturnType<typeof start> | undefined;
  let isCollected = false;
  const workUntilStarted = (work: Idle | undefined) => {
    if (worker !== undefined) return;
    if (work?.step()) {
      setTimeout(workUntilStarted, 0, work);
      return;
    }
    collectGarbage();
    isCollected = true;
  };
  answer({ kind: "loaded" });
  scope.onmessage = (event: MessageEvent<Start | Message>) => {
    try {
      if (worker === undefined) {
        worker = start(event.data as Start);
        // What loading and idling have left would be collected while packets wait; what a start leaves is
        // little beside it.
        if (!isCollected) collectGarbage();
        answer({ kind: "ready", report: worker.report });
      } else if (!worker.message(event.data as Message)) {
        answer({ kind: "done" });
        scope.close();
        return;
      }
      worker.run();
    } catch (error) {
      answer({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  };
  setTimeout(() => {
    if (worker === undefined) workUntilStarted(idle?.());
  });
}

function answer(message: PacketThreadAnswer): void {
  scope.postMessage(message);
}
