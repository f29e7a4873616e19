/** What the kernel counts for a queue of packets since its start, as of the last `count`. */
export interface QueueCounts {
  /** Brings the counts up to date: a system call. */
  count(): void;
  /** Packets that found room in the queue, those taken since included. */
  readonly arrived: number;
  /** Packets that did not. */
  readonly dropped: number;
}

/** Marks are at least so far apart. */
const MARK_EVERY_MS = 1;
/**
 * What one turn adds to a wait at most. A thread that stood still for long finds packets that waited for
 * long, but that says nothing about how much it can carry.
 */
const MOST_TURN_MS = 10;
const NONE = -1;

/**
 * How long packets wait in a queue before they are taken, measured: the packet that came last is marked,
 * and its wait is the time until it has been taken. A queue that is emptied each time costs no system
 * call. Pure given time; allocates nothing.
 */
export class QueueWait {
  readonly #counts: QueueCounts;
  #taken = 0;
  /** Of what the kernel counted: before the first packet that is counted here. */
  #before = 0;
  #isAligned = false;
  /** So many have been taken when the marked packet has been. */
  #mark = NONE;
  #markedMs = 0;
  #ageMs = 0;
  #lookedMs = 0;
  #dropped = 0;
  #waitMs = 0;

  constructor(counts: QueueCounts) {
    this.#counts = counts;
    counts.count();
    this.#before = counts.arrived;
    this.#dropped = counts.dropped;
  }

  /**
   * The wait of the last marked packet, or that of the present one where it is longer already; 0 when the
   * queue has been emptied, Infinity while the kernel has to drop packets.
   */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** To be told whenever packets were taken: how many, and whether some may be left. */
  took(count: number, more: boolean, nowMs: number): void {
    this.#taken += count;
    const turnMs = Math.min(nowMs - this.#lookedMs, MOST_TURN_MS);
    this.#lookedMs = nowMs;
    if (!more) {
      this.#emptied();
      return;
    }
    if (this.#mark !== NONE) {
      this.#ageMs += turnMs;
      if (this.#taken < this.#mark) {
        this.#waitMs = Math.max(this.#waitMs, this.#ageMs);
        return;
      }
      this.#waitMs = this.#ageMs;
      this.#mark = NONE;
    }
    if (nowMs - this.#markedMs >= MARK_EVERY_MS) this.#setMark(nowMs);
  }

  #emptied(): void {
    this.#mark = NONE;
    this.#waitMs = 0;
    if (this.#isAligned) return;
    // What waited before the first count was taken without having been counted.
    this.#counts.count();
    this.#before = this.#counts.arrived - this.#taken;
    this.#isAligned = true;
  }

  #setMark(nowMs: number): void {
    const counts = this.#counts;
    counts.count();
    if (counts.dropped > this.#dropped) this.#waitMs = Infinity;
    this.#dropped = counts.dropped;
    this.#mark = counts.arrived - this.#before;
    this.#markedMs = nowMs;
    this.#ageMs = 0;
  }
}
