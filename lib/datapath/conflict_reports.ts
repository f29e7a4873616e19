import type { IpAddress } from "../wire/address.ts";

/** DEFEND_INTERVAL of RFC 5227: who conflicts, conflicts with every packet. */
const WINDOW_MS = 10_000;
const MOST_IN_A_WINDOW = 16;

/** Which conflicts are worth telling: each address once in ten seconds, and not too many. Pure. */
export class ConflictReports {
  readonly #told = new Set<string>();
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** Whether to tell of a conflict over this address; counts as told then. */
  isNew(address: IpAddress, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= WINDOW_MS) {
      this.#told.clear();
      this.#sinceMs = nowMs;
    }
    const text = String(address);
    if (this.#told.has(text) || this.#told.size >= MOST_IN_A_WINDOW) return false;
    this.#told.add(text);
    return true;
  }
}
