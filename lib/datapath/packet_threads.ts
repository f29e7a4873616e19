import { sumCounters } from "../session/counters.ts";
import { PacketThread, type PacketThreadOptions } from "./packet_thread.ts";

export interface PacketThreadsOptions extends Omit<PacketThreadOptions, "onEvent"> {
  /** How many. */
  readonly workers: number;
  /** Each event of each worker, which is known by its number. */
  readonly onEvent: (a: number, b: number, c: number, d: number, worker: number) => void;
}

/** The packet workers of a daemon, for what concerns all of them. Each has its own rings and counters. */
export class PacketThreads {
  readonly all: readonly PacketThread[];

  constructor({ workers, onEvent, ...options }: PacketThreadsOptions) {
    this.all = Array.from({ length: workers }, (_, worker) =>
      new PacketThread({
        ...options,
        onEvent: (a, b, c, d) => onEvent(a, b, c, d, worker),
      }));
  }

  /** When all have their program. */
  async loaded(): Promise<void> {
    await Promise.all(this.all.map((thread) => thread.loaded));
  }

  /** The sums of the workers' counters at this moment. */
  get counters(): Float64Array {
    return sumCounters(this.counted);
  }

  /** The counters of each worker, as they are. */
  get counted(): readonly Float64Array[] {
    return this.all.map((thread) => thread.counters);
  }

  /** Sends a message to all of them. */
  post(message: unknown): void {
    for (const thread of this.all) thread.post(message);
  }

  /** Puts a command into every ring; false when one of them was full. */
  command(a: number, b: number, c: number, d: number): boolean {
    let taken = true;
    for (const thread of this.all) taken = thread.command(a, b, c, d) && taken;
    return taken;
  }

  /** Hands over the events that wait. */
  drain(): void {
    for (const thread of this.all) thread.drain();
  }

  /** Ends workers that were not started. */
  terminate(): void {
    for (const thread of this.all) thread.terminate();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((thread) => thread.stop()));
  }
}
