/**
 * A hashed timer wheel (Varghese and Lauck, scheme 6) over slot numbers: O(1) to set, move and
 * cancel, nothing allocated after construction, and a caller's budget bounds the work of one turn.
 *
 * Deadlines further away than the wheel reaches are put into its last bucket; whoever handles an
 * expiry looks at the true deadline and sets the timer again, so activity needs no timer work.
 */
export class TimerWheel {
  /** Width of a bucket; timers fire up to this much late, never early. */
  static readonly TICK_MS = 250;
  static readonly BUCKETS = 32768;

  readonly #heads = new Int32Array(TimerWheel.BUCKETS);
  readonly #next: Int32Array;
  /** The slot before, or -(bucket + 1) for the first one of a bucket; 0 when not set. */
  readonly #previous: Int32Array;
  #tick: number;

  constructor(slots: number, nowMs: number) {
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.#tick = Math.floor(nowMs / TimerWheel.TICK_MS);
  }

  /** Sets (or moves) the timer of a slot; 0 is no slot. */
  set(slot: number, deadlineMs: number): void {
    this.clear(slot);
    let tick = Math.ceil(deadlineMs / TimerWheel.TICK_MS);
    const furthest = this.#tick + TimerWheel.BUCKETS - 1;
    if (tick <= this.#tick) tick = this.#tick + 1;
    else if (tick > furthest) tick = furthest;
    const bucket = tick % TimerWheel.BUCKETS;
    const head = this.#heads[bucket]!;
    this.#next[slot] = head;
    this.#previous[slot] = -(bucket + 1);
    if (head !== 0) this.#previous[head] = slot;
    this.#heads[bucket] = slot;
  }

  /** Is the timer of this slot set? */
  has(slot: number): boolean {
    return this.#previous[slot] !== 0;
  }

  clear(slot: number): void {
    const previous = this.#previous[slot]!;
    if (previous === 0) return;
    const next = this.#next[slot]!;
    if (previous < 0) this.#heads[-previous - 1] = next;
    else this.#next[previous] = next;
    if (next !== 0) this.#previous[next] = previous;
    this.#previous[slot] = 0;
    this.#next[slot] = 0;
  }

  /**
   * Takes the next slot whose time has come, its timer cleared; 0 when none is due. The caller
   * calls again until 0 or until its budget is spent: what is left stays due.
   */
  take(nowMs: number): number {
    const target = Math.floor(nowMs / TimerWheel.TICK_MS);
    // After a long pause (a suspended host) one round over the wheel meets everything.
    if (target - this.#tick > TimerWheel.BUCKETS) this.#tick = target - TimerWheel.BUCKETS;
    for (;;) {
      const slot = this.#heads[this.#tick % TimerWheel.BUCKETS]!;
      if (slot !== 0) {
        this.clear(slot);
        return slot;
      }
      if (this.#tick >= target) return 0;
      this.#tick++;
    }
  }

  /** True when the bucket of `nowMs` has been reached: a cheap test before `take`. */
  idle(nowMs: number): boolean {
    return nowMs < (this.#tick + 1) * TimerWheel.TICK_MS &&
      this.#heads[this.#tick % TimerWheel.BUCKETS] === 0;
  }
}
