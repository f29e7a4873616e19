import { DROP } from "../session/drop_reason.ts";
import type { PacketSource } from "./engine.ts";

/**
 * For how long nobody may have taken packets, so that what waited is still sent on. Far above any pause
 * of a busy host, and by then the watchdog has led responses past the agent for 2 s, so TCP has sent again
 * what lies here. Far below the rest of a NAT endpoint, after which it may be another client's.
 */
export const LONGEST_WAIT_MS = 3_000;

/** A tun device queues 500 (TUN_READQ_SIZE) unless it was told otherwise. */
const MOST_WAITING = 1024;

/**
 * Tells packets that waited while their reader stood still (stopped, or its host asleep) from those
 * that came since. Pure.
 */
export class Backlog {
  readonly #longestMs: number;
  #lookedMs: number;
  /** How many that come next may be old. */
  #left = 0;

  constructor(options: { readonly longestMs: number; readonly nowMs: number }) {
    this.#longestMs = options.longestMs;
    this.#lookedMs = options.nowMs;
  }

  /**
   * To be asked each time that packets were taken, also when there were none.
   * @param nowMs read after they were taken: the reader may have been stopped in between
   * @param more whether some may be left
   * @returns whether these have waited too long
   */
  take(count: number, more: boolean, nowMs: number): boolean {
    if (nowMs - this.#lookedMs > this.#longestMs) this.#left = MOST_WAITING;
    this.#lookedMs = nowMs;
    const isOld = this.#left > 0;
    this.#left = more ? Math.max(0, this.#left - count) : 0;
    return isOld;
  }
}

/** A source whose packets are refused when nobody has taken them for too long. */
export class FreshSource implements PacketSource {
  readonly fd: number;
  readonly #source: PacketSource;
  readonly #clock: () => number;
  readonly #backlog: Backlog;
  #isOld = false;

  /** @param clock in milliseconds, goes on while the host sleeps */
  constructor(source: PacketSource, clock: () => number) {
    this.fd = source.fd;
    this.#source = source;
    this.#clock = clock;
    this.#backlog = new Backlog({ longestMs: LONGEST_WAIT_MS, nowMs: clock() });
  }

  receive(): number {
    const count = this.#source.receive();
    if (count >= 0) this.#isOld = this.#backlog.take(count, this.#source.more, this.#clock());
    return count;
  }
  get more(): boolean {
    return this.#source.more;
  }
  slotOffset(i: number): number {
    return this.#source.slotOffset(i);
  }
  frameBytes(i: number): number {
    return this.#isOld ? 0 : this.#source.frameBytes(i);
  }
  refusal(i: number): number {
    return this.#isOld ? DROP.stoodStill : this.#source.refusal(i);
  }
  drops(): number {
    return this.#source.drops();
  }
}
