import type { EventLog } from "../control/event_log.ts";
import type { SessionNotes } from "./session_notes.ts";

/** So many sessions a second are told one by one; more of them would drive out all other events. */
const ONE_BY_ONE = 32;

/** Tells of sessions that meet the criteria and stay via NAT. */
export class DeclineLog {
  readonly #notes: SessionNotes;
  readonly #events: EventLog;
  #told = 0;
  #untold = 0;

  constructor(notes: SessionNotes, events: EventLog) {
    this.#notes = notes;
    this.#events = events;
  }

  /** To be called once the session says why. */
  add(slot: number, details: Record<string, string | number>): void {
    if (this.#told++ < ONE_BY_ONE) this.#notes.log("bypass-declined", slot, details);
    else this.#untold++;
  }

  /** To be called every second. */
  tick(): void {
    if (this.#untold > 0) this.#events.add("bypass-declined-more", { sessions: this.#untold });
    this.#told = 0;
    this.#untold = 0;
  }
}
