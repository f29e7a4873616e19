import { TimerWheel } from "../session/timer_wheel.ts";

/** The longest of the pauses that grow. */
const LONGEST_MS = 60_000;
/** How many ends of pauses are told in one call. */
const BUDGET = 4096;

/** How binding a pause is. */
const NONE = 0, LOOSE = 1, BINDING = 2;

/**
 * Sessions about which the criteria are not to decide before a certain time. Bounded by the number
 * of slots, whatever happens; the memory is touched only for slots that ever had to wait.
 */
export class SessionPauses {
  readonly #wheel: TimerWheel;
  readonly #kind: Uint8Array;
  /** The session that waits, or waited last; its slot may belong to another one since. */
  readonly #id: Float64Array;
  readonly #dueMs: Float64Array;
  /** The session's last pause, for the next one to be longer. */
  readonly #lastMs: Float32Array;

  constructor(capacity: number, nowMs: number) {
    this.#wheel = new TimerWheel(capacity + 1, nowMs);
    this.#kind = new Uint8Array(capacity + 1);
    this.#id = new Float64Array(capacity + 1);
    this.#dueMs = new Float64Array(capacity + 1);
    this.#lastMs = new Float32Array(capacity + 1);
  }

  /**
   * @param options.binding whether it also holds when an agent's news would have the criteria decide
   *   again
   */
  set(slot: number, id: number, options: { dueMs: number; binding: boolean }): void {
    if (this.#id[slot] !== id) this.#lastMs[slot] = 0;
    this.#id[slot] = id;
    this.#dueMs[slot] = options.dueMs;
    this.#kind[slot] = options.binding ? BINDING : LOOSE;
    this.#wheel.set(slot, options.dueMs);
  }

  /** The pause after the one that this method gave for the same session last: twice as long. */
  grow(slot: number, id: number, firstMs: number): number {
    const last = this.#id[slot] === id ? this.#lastMs[slot]! : 0;
    const next = last === 0 ? firstMs : Math.max(firstMs, Math.min(2 * last, LONGEST_MS));
    this.#id[slot] = id;
    this.#lastMs[slot] = next;
    return next;
  }

  /** Must this session wait, whatever agents say? */
  binds(slot: number, id: number): boolean {
    return this.#kind[slot] === BINDING && this.#id[slot] === id;
  }

  /** What is left of a session's pause in ms; 0 when it has none. */
  left(slot: number, id: number, nowMs: number): number {
    if (this.#kind[slot] === NONE || this.#id[slot] !== id) return 0;
    return Math.max(0, this.#dueMs[slot]! - nowMs);
  }

  /** The session need not wait any more, and its pauses begin small again. */
  clear(slot: number): void {
    if (this.#kind[slot] !== NONE) this.#wheel.clear(slot);
    this.#kind[slot] = NONE;
    this.#lastMs[slot] = 0;
  }

  /** Calls `over` for pauses that have ended, at most some thousands of them. */
  expire(nowMs: number, over: (slot: number, id: number) => void): void {
    for (let n = 0; n < BUDGET; n++) {
      const slot = this.#wheel.take(nowMs);
      if (slot === 0) return;
      // The wheel reaches no further than a few hours.
      if (this.#dueMs[slot]! > nowMs) {
        this.#wheel.set(slot, this.#dueMs[slot]!);
        continue;
      }
      this.#kind[slot] = NONE;
      over(slot, this.#id[slot]!);
    }
  }
}
