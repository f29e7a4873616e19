/** What has a time of the wall clock of wherever it was seen. */
interface Timed {
  readonly seconds: number;
  readonly nanoseconds: number;
}

interface Held<Item> {
  readonly item: Item;
  readonly time: Timed;
  readonly untilMs: number;
}

/** What comes within so long is looked through together, of which there may be very much. */
const TOGETHER_MS = 50;

/**
 * Puts into the order of their times what comes from several places, each of them late by its own way:
 * everything is held for a moment, in which what is older may still come. What comes later than that is
 * out of order, and so is what clocks that differ by more made so.
 */
export class TimeOrder<Item> {
  readonly #holdMs: number;
  readonly #timeOf: (item: Item) => Timed;
  /** In the order of arrival. */
  #held: Held<Item>[] = [];

  constructor(holdMs: number, timeOf: (item: Item) => Timed) {
    this.#holdMs = holdMs;
    this.#timeOf = timeOf;
  }

  /** @param nowMs of a clock that only goes forward, like all times below */
  add(item: Item, nowMs: number): void {
    const untilMs = Math.ceil((nowMs + this.#holdMs) / TOGETHER_MS) * TOGETHER_MS;
    this.#held.push({ item, time: this.#timeOf(item), untilMs });
  }

  /** When something is to be taken; null: nothing is held. */
  get dueMs(): number | null {
    return this.#held[0]?.untilMs ?? null;
  }

  /** What has been held long enough, and whatever is older than that: in order. */
  take(nowMs: number): Item[] {
    let newest: Timed | null = null;
    for (const { time, untilMs } of this.#held) {
      if (untilMs > nowMs) break;
      if (newest === null || compare(time, newest) > 0) newest = time;
    }
    if (newest === null) return [];
    const limit = newest;
    const taken = this.#held.filter(({ time }) => compare(time, limit) <= 0);
    this.#held = this.#held.filter(({ time }) => compare(time, limit) > 0);
    return inOrder(taken);
  }

  /** All that is held, in order. */
  rest(): Item[] {
    return inOrder(this.#held.splice(0));
  }
}

/** What has the same time stays as it came. */
function inOrder<Item>(held: Held<Item>[]): Item[] {
  return held.sort((a, b) => compare(a.time, b.time)).map(({ item }) => item);
}

function compare(a: Timed, b: Timed): number {
  return a.seconds - b.seconds || a.nanoseconds - b.nanoseconds;
}
