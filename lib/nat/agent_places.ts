import { busiest, type Contender, exchanges, leastBusy } from "../policy/busiest.ts";
import { HOLD_NONE, U8 } from "../session/layout.ts";
import type { InstructionBook } from "./instruction_book.ts";
import type { PathRates } from "./path_rates.ts";
import type { SessionNotes } from "./session_notes.ts";

/** How many sessions that found no place are watched for each agent. */
const WATCHED = 1024;
/** For how long one is watched before it may take another's place. */
const WATCHED_MS = 3_000;
/** For how long an instruction is safe from busier sessions, and its session waits once it is not. */
const SETTLED_MS = 10_000;
/** Places that change hands in one second, and instructions that a lower limit ends. */
const EXCHANGES = 16;
const CLOSED_AT_ONCE = 256;
/** For how long a place that was made free is kept for the session it was made free for. */
const KEPT_MS = 5_000;
/** Rates are measured from this share of the limit on. */
const CROWDED = 0.5;

interface Watched {
  readonly id: number;
  readonly sinceMs: number;
}

export interface AgentPlacesOptions {
  readonly notes: SessionNotes;
  readonly book: InstructionBook;
  readonly rates: PathRates;
  readonly now: () => number;
  /** How old the session's instruction is. */
  readonly ageMs: (slot: number, nowMs: number) => number;
  /** Stops an instruction in favour of a busier session. */
  readonly displace: (slot: number, notBeforeMs: number) => void;
  /** Stops an instruction beyond the limit. */
  readonly close: (slot: number, notBeforeMs: number) => void;
  /** The criteria decide again about a session, now or after a pause. */
  readonly rearm: (slot: number, afterMs: number) => void;
}

/**
 * An agent's instructions are limited in number. When all places are taken, sessions that meet the
 * criteria are watched, and one that is clearly busier than the least busy one with a place gets
 * it, once that one's stop is acknowledged.
 */
export class AgentPlaces {
  readonly #options: AgentPlacesOptions;
  /** Sessions that found no place, by agent and slot. */
  readonly #watched = new Map<string, Map<number, Watched>>();
  /** For which session an instruction is being stopped. */
  readonly #promised = new Map<number, number>();
  /** Places that are kept for a session, by its slot. */
  readonly #kept = new Map<number, { agent: string; untilMs: number }>();

  /** @param limit most instructions of an agent */
  constructor(public limit: number, options: AgentPlacesOptions) {
    this.#options = options;
  }

  /** Whether the rates of an agent's sessions are to be measured. */
  isCrowded(agent: string): boolean {
    return this.#options.book.countOf(agent) >= CROWDED * this.limit;
  }

  /** A session wants a place. False: there is none, and it is watched or asked again later. */
  take(slot: number, agent: string): boolean {
    const now = this.#options.now();
    const isKept = (this.#kept.get(slot)?.untilMs ?? 0) > now;
    this.#kept.delete(slot);
    if (isKept || this.#free(agent, now) > 0) {
      this.#watched.get(agent)?.delete(slot);
      return true;
    }
    const watched = this.#watched.get(agent) ?? new Map<number, Watched>();
    this.#watched.set(agent, watched);
    const id = this.#options.notes.id(slot);
    if (watched.get(slot)?.id === id) return false;
    if (watched.size < WATCHED) watched.set(slot, { id, sinceMs: now });
    else this.#options.rearm(slot, SETTLED_MS);
    return false;
  }

  /** An instruction has ended; what it was stopped for gets its place. */
  ended(slot: number, agent: string): void {
    const heir = this.#promised.get(slot);
    if (heir === undefined) return;
    this.#promised.delete(slot);
    this.#kept.set(heir, { agent, untilMs: this.#options.now() + KEPT_MS });
    this.#watched.get(agent)?.delete(heir);
    this.#options.rearm(heir, 0);
  }

  /**
   * To be called every second.
   * @param placed sessions whose instruction is in force, by agent; crowded agents suffice
   */
  tick(placed: ReadonlyMap<string, readonly number[]>): void {
    const now = this.#options.now();
    for (const [slot, { untilMs }] of this.#kept) if (untilMs <= now) this.#kept.delete(slot);
    for (const slots of placed.values()) this.#closeBeyond(slots, now);
    for (const [agent, watched] of this.#watched) {
      this.#forget(watched);
      if (watched.size === 0) this.#watched.delete(agent);
      else this.#seat(agent, watched, placed.get(agent) ?? []);
    }
  }

  #seat(agent: string, watched: Map<number, Watched>, placed: readonly number[]): void {
    const { rates, rearm, displace, ageMs } = this.#options;
    const now = this.#options.now();
    for (const slot of watched.keys()) rates.sample(slot, now);
    const free = Math.min(this.#free(agent, now), watched.size);
    for (const { slot } of busiest(this.#contenders(watched.keys()), Math.max(0, free))) {
      watched.delete(slot);
      rearm(slot, 0);
    }
    const claimed = new Set(this.#promised.values());
    const known = [...watched].flatMap(([slot, { sinceMs }]) =>
      now - sinceMs >= WATCHED_MS && !claimed.has(slot) ? [slot] : []
    );
    const settled = placed.filter((slot) => ageMs(slot, now) >= SETTLED_MS);
    const pairs = free > 0
      ? []
      : exchanges(this.#contenders(settled), this.#contenders(known), EXCHANGES);
    for (const pair of pairs) {
      this.#promised.set(pair.out, pair.in);
      displace(pair.out, now + SETTLED_MS);
    }
    if (watched.size < WATCHED) return;
    // Others may be busier: these have been looked at.
    for (const slot of known) {
      watched.delete(slot);
      rearm(slot, SETTLED_MS);
    }
  }

  /** The limit is lower than it was. */
  #closeBeyond(placed: readonly number[], now: number): void {
    const beyond = Math.min(placed.length - this.limit, CLOSED_AT_ONCE);
    if (beyond <= 0) return;
    for (const { slot } of leastBusy(this.#contenders(placed), beyond)) {
      this.#options.close(slot, now + SETTLED_MS);
    }
  }

  /** Places that nobody has and that are kept for nobody. */
  #free(agent: string, now: number): number {
    let kept = 0;
    for (const place of this.#kept.values()) {
      if (place.agent === agent && place.untilMs > now) kept++;
    }
    return this.limit - this.#options.book.countOf(agent) - kept;
  }

  *#contenders(slots: Iterable<number>): Generator<Contender> {
    for (const slot of slots) yield { slot, rate: this.#options.rates.byteRate(slot) };
  }

  /** Sessions that are over, or about which something else was decided meanwhile. */
  #forget(watched: Map<number, Watched>): void {
    const { notes } = this.#options;
    for (const [slot, { id }] of watched) {
      const isGone = notes.id(slot) !== id || notes.over(slot) ||
        notes.records.getU8(slot, U8.hold) !== HOLD_NONE;
      if (isGone) watched.delete(slot);
    }
  }
}
