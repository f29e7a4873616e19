export type HealthStatus = "unknown" | "up" | "down";

/** How many results in a row change the status. */
export interface HealthThresholds {
  readonly rise: number;
  readonly fall: number;
}

/**
 * What checks say about one server.
 *
 * ```
 *                 one good                      fall bad in a row
 *      unknown --------------->  up  --------------------------------> down
 *         |                       ^                                    | ^
 *         |                       +-------- rise good in a row --------+ |
 *         +-------------------- fall bad in a row -----------------------+
 * ```
 *
 * Before the first result a server counts as able: a NAT machine that starts must not refuse everybody for a while.
 */
export class Health {
  readonly #thresholds: HealthThresholds;
  #status: HealthStatus;
  /** Results in a row that speak against the status. */
  #against = 0;

  /** @param known from earlier checks, with other thresholds */
  constructor(thresholds: HealthThresholds, known: HealthStatus = "unknown") {
    this.#thresholds = thresholds;
    this.#status = known;
  }

  get status(): HealthStatus {
    return this.#status;
  }

  /** Whether the server may get new sessions. */
  get able(): boolean {
    return this.#status !== "down";
  }

  /** Takes the result of one check; true when the status changed. */
  observe(good: boolean): boolean {
    if (good && this.#status === "unknown") return this.#become("up");
    if (good === this.able) {
      this.#against = 0;
      return false;
    }
    this.#against++;
    const { rise, fall } = this.#thresholds;
    return this.#against >= (good ? rise : fall) && this.#become(good ? "up" : "down");
  }

  #become(status: HealthStatus): true {
    this.#status = status;
    this.#against = 0;
    return true;
  }
}
