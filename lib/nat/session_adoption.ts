import { U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import type { TimerWheel } from "../session/timer_wheel.ts";

/**
 * Takes in the sessions that stand in a table when it is taken over, a few at a time, while packets
 * of all of them are translated already. Each is taken in once: when its turn comes, or before
 * something about it changes. A session that is taken in has a timer, as every new one has, and so
 * shows that it is no longer waited for.
 */
export class SessionAdoption {
  readonly #table: SessionTable;
  readonly #wheel: TimerWheel;
  readonly #take: (slot: number) => void;
  /** Slots from here downwards have not had their turn. */
  #at: number;

  /** @param take sets the session's timer */
  constructor(table: SessionTable, wheel: TimerWheel, take: (slot: number) => void) {
    this.#table = table;
    this.#wheel = wheel;
    this.#take = take;
    this.#at = table.highWater;
  }

  get done(): boolean {
    return this.#at === 0;
  }

  /** The session in this slot is about to change. */
  adopt(slot: number): void {
    if (this.#at !== 0 && !this.#wheel.has(slot)) this.#take(slot);
  }

  /** Looks at up to `budget` slots. */
  step(budget: number): void {
    const table = this.#table;
    const last = Math.max(0, this.#at - budget);
    for (let slot = this.#at; slot > last; slot--) {
      const isOurs = table.getU8(slot, U8.state) !== STATE.free && table.owns(slot);
      if (isOurs && !this.#wheel.has(slot)) this.#take(slot);
    }
    this.#at = last;
  }
}
