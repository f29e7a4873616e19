import { Health, type HealthStatus, type HealthThresholds } from "./health.ts";
import { PassiveHealth, type PassiveSettings, type PassiveSigns } from "./health_passive.ts";
import { slowStartShare } from "./slow_start.ts";

/** How a server is judged; what is absent says nothing. */
export interface ServerHealthSettings {
  readonly active?: HealthThresholds;
  readonly passive?: PassiveSettings;
  /** 0: a server that comes up gets its whole share at once. */
  readonly slowStartMs: number;
}

/**
 * Everything that is known about one server of one service: checks, signs in the traffic, and since when. Able is a server
 * that neither of the two has taken down. When checks bring it up again, older signs count no more; when signs took it
 * down, good checks alone do not bring it back, as they did not notice.
 */
export class ServerHealth {
  #settings: ServerHealthSettings;
  #active: Health | null;
  #passive: PassiveHealth | null;
  /** Of the newest check; null before the first. */
  #checked: string | null = null;
  #sinceMs: number;
  #startedMs: number | null;
  #answered = false;
  #away: string | null = null;

  /** @param added whether it joins a service that is running: then it starts slowly */
  constructor(settings: ServerHealthSettings, { nowMs, added }: { nowMs: number; added: boolean }) {
    this.#settings = settings;
    this.#active = settings.active === undefined ? null : new Health(settings.active);
    this.#passive = settings.passive === undefined ? null : new PassiveHealth(settings.passive);
    this.#sinceMs = nowMs;
    this.#startedMs = added ? nowMs : null;
  }

  get status(): HealthStatus {
    if (this.#active?.status === "down" || this.#passive?.state === "paused") return "down";
    if (this.#passive?.state === "trial" || this.#away !== null) return "unknown";
    if (this.#active !== null) return this.#active.status;
    return this.#answered ? "up" : "unknown";
  }

  /** May the server get new sessions? One on trial may get few, see {@linkcode trials}. */
  get able(): boolean {
    return this.#active?.able !== false && this.#passive?.state !== "paused";
  }

  /** Not null: on trial, and sessions were granted so many times. */
  get trials(): number | null {
    return this.#passive?.state === "trial" ? this.#passive.trials : null;
  }

  /** Whether checks, if there are any, do not hold it down. */
  get isCheckedGood(): boolean {
    return this.#active?.able !== false;
  }

  /** Whether signs in the traffic hold it down, or on trial. */
  get isPaused(): boolean {
    return this.#passive !== null && this.#passive.state !== "ok";
  }

  /** Boot time, ms: when the status last changed. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Why the status is what it is, in words; null when there is nothing to say. */
  reason(nowMs: number): string | null {
    const { status } = this;
    if (this.#active?.status === "down") {
      return this.#away === null ? this.#checked : `${this.#checked}; ${this.#away}`;
    }
    return this.#passive?.reason(nowMs) ?? this.#away ??
      (status === "unknown" ? null : this.#checked ?? "answers sessions");
  }

  /** How much of its weight counts, 0 to 1. */
  share(nowMs: number): number {
    if (!this.able) return 0;
    return slowStartShare(this.#startedMs, nowMs, this.#settings.slowStartMs);
  }

  /** Whether its share grows with time. */
  starting(nowMs: number): boolean {
    return this.able && this.share(nowMs) < 1;
  }

  /** Takes the result of one check; true when the status changed. */
  checked(good: boolean, detail: string, nowMs: number): boolean {
    return this.#change(nowMs, () => {
      const was = this.#active?.status;
      this.#away = null;
      this.#active?.observe(good);
      // What counts for the reason is what the status came from.
      if (good === (this.#active?.status === "up")) this.#checked = detail;
      if (was === "down" && good && this.#active?.status === "up") this.#passive?.reset();
    });
  }

  /** Nobody checks for now, as `why` says: a server that was down stays so, of any other nothing is known. */
  unchecked(why: string, nowMs: number): boolean {
    return this.#change(nowMs, () => this.#away = why);
  }

  /** Takes what the traffic showed since the last time; to be called again and again, as time counts. */
  signs(signs: PassiveSigns, mayTakeDown: boolean, nowMs: number): boolean {
    return this.#change(nowMs, () => {
      if (signs.answered > 0) this.#answered = true;
      this.#passive?.observe(signs, mayTakeDown, nowMs);
    });
  }

  /** Other settings: what is known stays known. */
  configure(settings: ServerHealthSettings): void {
    const { active, passive } = settings;
    const known = this.#active?.status ?? "unknown";
    if (JSON.stringify(active) !== JSON.stringify(this.#settings.active)) {
      this.#active = active === undefined ? null : new Health(active, known);
      if (active === undefined) this.#checked = this.#away = null;
    }
    if (JSON.stringify(passive) !== JSON.stringify(this.#settings.passive)) {
      this.#passive = passive === undefined ? null : new PassiveHealth(passive);
    }
    this.#settings = settings;
  }

  /** A server that becomes able after it was not starts slowly. */
  #change(nowMs: number, make: () => void): boolean {
    const status = this.status, whole = this.#isWhole, trials = this.trials;
    make();
    if (this.#isWhole && !whole) this.#startedMs = nowMs;
    if (this.status !== status) this.#sinceMs = nowMs;
    return this.status !== status || this.#isWhole !== whole || this.trials !== trials;
  }

  get #isWhole(): boolean {
    return this.able && this.trials === null;
  }
}
