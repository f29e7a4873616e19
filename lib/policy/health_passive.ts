/** When signs in the traffic itself take a server down. */
export interface PassiveSettings {
  /** So many sessions in a row that the server refused or left without answer... */
  readonly failures: number;
  /** ...within this time. */
  readonly withinMs: number;
}

/** What the packets of one server have shown since the last look. */
export interface PassiveSigns {
  /** Sessions whose SYN the server answered with SYN and ACK. */
  readonly answered: number;
  /** Sessions whose SYN it answered with RST. */
  readonly refused: number;
  /** Sessions of different clients whose SYN was repeated and never answered. */
  readonly silent: number;
}

/** Pause of a server taken down for the first time; each further one is twice as long. */
export const FIRST_PAUSE_MS = 5_000;
export const LONGEST_PAUSE_MS = 300_000;
/** Sessions that a server gets after its pause, before it is trusted again. */
export const TRIAL_SESSIONS = 3;
/** A client that is gone answers nothing: after so long other sessions are tried. */
const TRIAL_PATIENCE_MS = 10_000;
/** Without a bad sign for this long, or for twice the last pause, the pauses begin anew. */
const FORGIVEN_AFTER_MS = 60_000;

interface Failure {
  readonly atMs: number;
  readonly refused: number;
  readonly silent: number;
}

/**
 * What the traffic says about one server.
 *
 * ```
 *            failures in a row within the time
 *     ok ------------------------------------------> paused
 *      ^                                              |  ^
 *      |  TRIAL_SESSIONS answered      pause is over, |  | one more failure:
 *      |                     or an answer is seen     |  | the pause doubles
 *      +-------------------- trial <------------------+  |
 *                              +-------------------------+
 * ```
 *
 * Only an answer to a SYN is evidence, for or against: what clients send afterwards, and how their sessions end, is
 * theirs to choose. One answered SYN begins the row anew, so that a flood of SYNs which a server answers with difficulty
 * does not take it down.
 */
export class PassiveHealth {
  readonly #settings: PassiveSettings;
  #state: "ok" | "paused" | "trial" = "ok";
  /** Since the last answer. */
  #failures: Failure[] = [];
  #pauseMs = FIRST_PAUSE_MS / 2;
  #pausedUntilMs = 0;
  #lastFailureMs = -Infinity;
  #answered = 0;
  #trials = 0;
  #triedMs = 0;
  #why = "";

  constructor(settings: PassiveSettings) {
    this.#settings = settings;
  }

  get state(): "ok" | "paused" | "trial" {
    return this.#state;
  }

  /** How many times sessions were granted for a trial; each time another {@linkcode TRIAL_SESSIONS}. */
  get trials(): number {
    return this.#trials;
  }

  /** What took the server down, and what comes next; null while nothing speaks against it. */
  reason(nowMs: number): string | null {
    if (this.#state === "ok") return null;
    if (this.#state === "trial") {
      return `${this.#why}; on trial, ${this.#answered} of ${TRIAL_SESSIONS} sessions answered`;
    }
    const seconds = Math.max(0, Math.ceil((this.#pausedUntilMs - nowMs) / 1000));
    return `${this.#why}; tried again in ${seconds} s`;
  }

  /**
   * Takes what was seen.
   * @param mayTakeDown whether enough other servers are left
   * @returns whether the state changed
   */
  observe(signs: PassiveSigns, mayTakeDown: boolean, nowMs: number): boolean {
    const failed = signs.refused + signs.silent > 0;
    if (failed) this.#note(signs, nowMs);
    switch (this.#state) {
      case "ok":
        if (signs.answered > 0) this.#failures = [];
        return failed && this.#isTooMuch(nowMs) && mayTakeDown && this.#pause(nowMs);
      case "paused":
        if (signs.answered === 0 && nowMs < this.#pausedUntilMs) return false;
        this.#state = "trial";
        this.#answered = signs.answered;
        this.#grant(nowMs);
        return true;
      case "trial":
        this.#answered += signs.answered;
        if (failed && signs.answered === 0) return this.#pause(nowMs);
        if (this.#answered >= TRIAL_SESSIONS) {
          this.reset();
          return true;
        }
        if (nowMs - this.#triedMs < TRIAL_PATIENCE_MS) return false;
        this.#grant(nowMs);
        return true;
    }
  }

  /** Something better than signs says that the server is there. */
  reset(): void {
    this.#state = "ok";
    this.#failures = [];
  }

  #note({ refused, silent, answered }: PassiveSigns, nowMs: number): void {
    if (answered > 0) return;
    const forgivenMs = Math.max(FORGIVEN_AFTER_MS, 2 * this.#pauseMs);
    if (this.#state === "ok" && nowMs - this.#lastFailureMs > forgivenMs) {
      this.#pauseMs = FIRST_PAUSE_MS / 2;
    }
    this.#lastFailureMs = nowMs;
    const { withinMs } = this.#settings;
    this.#failures = this.#failures.filter(({ atMs }) => nowMs - atMs <= withinMs);
    this.#failures.push({ atMs: nowMs, refused, silent });
  }

  #isTooMuch(nowMs: number): boolean {
    const refused = this.#sum("refused"), silent = this.#sum("silent");
    if (refused + silent < this.#settings.failures) return false;
    const seconds = ((nowMs - this.#failures[0]!.atMs) / 1000).toFixed(1);
    this.#why = `${refused + silent} sessions in a row failed within ${seconds} s: ` +
      `${refused} refused with RST, ${silent} without answer`;
    return true;
  }

  #sum(what: "refused" | "silent"): number {
    return this.#failures.reduce((sum, failure) => sum + failure[what], 0);
  }

  #pause(nowMs: number): true {
    this.#state = "paused";
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#failures = [];
    return true;
  }

  #grant(nowMs: number): void {
    this.#trials++;
    this.#triedMs = nowMs;
  }
}
