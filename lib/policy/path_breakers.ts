/**
 * Which paths carry what is sent directly: circuit breakers, one for each path that failed. Pure: time
 * is an argument, memory is bounded.
 *
 * ```
 *                 several failures, no success in between
 *   (unknown) ------------------------------------------------> open
 *       ^   \                                                    |  the pause is over
 *       |    \ doubt()                                           v
 *       |     +------------------------------------------> one trial at a time
 *       +------------------------------------------------------/ |
 *                  success                                       | failure: open again,
 *                                                                v the pause twice as long
 * ```
 *
 * @module
 */

export interface BreakerSettings {
  /** So many failures in a row make a path unable. */
  readonly failures: number;
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** The most paths remembered; those that failed longest ago are forgotten first. */
  readonly capacity: number;
}

/** A path that is not simply used. */
export interface PathState {
  /** `open`: not used; `trial`: one session at a time; `closed`: in use, though it has failed before. */
  readonly state: "open" | "trial" | "closed";
  readonly failures: number;
  /** Until the next trial, in ms. */
  readonly waitMs: number;
}

interface Breaker {
  failures: number;
  /** 0: closed. */
  pauseMs: number;
  untilMs: number;
  lastMs: number;
  /** Whose trial is under way; "": nobody's. */
  trial: string;
  trialUntilMs: number;
}

/** A trial that says nothing for so long makes room for another. */
const TRIAL_MS = 15_000;
/** Failures further apart than this do not add up. */
const APART_MS = 600_000;

export class PathBreakers {
  readonly #settings: BreakerSettings;
  /** By path; the one that failed longest ago comes first. */
  readonly #breakers = new Map<string, Breaker>();

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#breakers.size;
  }

  /** Null for a path that never failed, or was proven since. */
  state(path: string, now: number): PathState | null {
    const breaker = this.#breakers.get(path);
    if (breaker === undefined) return null;
    const { failures, pauseMs, untilMs } = breaker;
    const state = pauseMs === 0 ? "closed" : now < untilMs ? "open" : "trial";
    return { state, failures, waitMs: Math.max(0, untilMs - now) };
  }

  /**
   * May this session use the path? Where only one at a time may, this one is it from now on.
   * @returns 0, or after how many ms to ask again
   */
  admit(path: string, session: string, now: number): number {
    const breaker = this.#breakers.get(path);
    if (breaker === undefined || breaker.pauseMs === 0) return 0;
    if (now < breaker.untilMs) return breaker.untilMs - now;
    const isTaken = breaker.trial !== "" && breaker.trial !== session && now < breaker.trialUntilMs;
    if (isTaken) return Math.min(1_000, breaker.trialUntilMs - now);
    breaker.trial = session;
    breaker.trialUntilMs = now + TRIAL_MS;
    return 0;
  }

  /** Is it this session whose success is waited for? */
  isTrial(path: string, session: string): boolean {
    return this.#breakers.get(path)?.trial === session;
  }

  /** The session's trial is over, and has shown nothing. */
  withdraw(path: string, session: string): void {
    const breaker = this.#breakers.get(path);
    if (breaker?.trial === session) breaker.trial = "";
  }

  /** There is reason to try the path with one session first. */
  doubt(path: string, now: number): void {
    if (this.#breakers.has(path)) return;
    this.#set(path, { ...newBreaker(now), pauseMs: this.#settings.pauseMs, untilMs: now });
  }

  /** What was sent by this path has arrived; returns whether that changes anything. */
  success(path: string): boolean {
    return this.#breakers.delete(path);
  }

  /** It has not. Returns whether the path is unable from now on, and was not before. */
  failure(path: string, now: number): boolean {
    const { failures, pauseMs, longestPauseMs } = this.#settings;
    const breaker = this.#breakers.get(path) ?? newBreaker(now);
    if (breaker.pauseMs === 0 && now - breaker.lastMs > APART_MS) breaker.failures = 0;
    breaker.failures++;
    breaker.lastMs = now;
    // Those that had begun before it opened add nothing.
    const opens = breaker.pauseMs === 0 ? breaker.failures >= failures : now >= breaker.untilMs;
    if (opens) {
      const doubled = breaker.failures > 1 ? 2 * breaker.pauseMs : breaker.pauseMs;
      breaker.pauseMs = Math.min(Math.max(pauseMs, doubled), longestPauseMs);
      breaker.untilMs = now + breaker.pauseMs;
      breaker.trial = "";
    }
    this.#set(path, breaker);
    return opens;
  }

  /**
   * One failure was none: something else was to blame. Returns whether the path is simply used again, and
   * was not before.
   */
  retract(path: string, now: number): boolean {
    const breaker = this.#breakers.get(path);
    if (breaker === undefined) return false;
    breaker.failures--;
    const wasUnable = breaker.pauseMs > 0;
    if (breaker.failures <= 0 || (wasUnable && breaker.failures < this.#settings.failures)) {
      this.#breakers.delete(path);
      return wasUnable;
    }
    if (!wasUnable) return false;
    // What was taken for a failed trial may be made again at once.
    breaker.untilMs = Math.min(breaker.untilMs, now);
    breaker.pauseMs = Math.max(this.#settings.pauseMs, breaker.pauseMs / 2);
    return false;
  }

  /** Forgets paths by name, such as those of a server that is no longer configured. */
  forget(which: (path: string) => boolean): void {
    for (const path of [...this.#breakers.keys()]) if (which(path)) this.#breakers.delete(path);
  }

  /** Those that are not simply used, by path. */
  *paths(now: number): Generator<[string, PathState]> {
    for (const path of this.#breakers.keys()) yield [path, this.state(path, now)!];
  }

  #set(path: string, breaker: Breaker): void {
    this.#breakers.delete(path);
    this.#breakers.set(path, breaker);
    if (this.#breakers.size <= this.#settings.capacity) return;
    const [oldest] = this.#breakers.keys();
    this.#breakers.delete(oldest!);
  }
}

function newBreaker(now: number): Breaker {
  return { failures: 0, pauseMs: 0, untilMs: 0, lastMs: now, trial: "", trialUntilMs: 0 };
}
