import type { ServiceConfig } from "../config/nat_config.ts";
import type { Rate } from "../config/rate.ts";
import { LowSince } from "../policy/low_since.ts";
import { REASON } from "../session/path_reason.ts";
import type { SessionRecords } from "../session/session_records.ts";
import type { PathRates } from "./path_rates.ts";

/** A stop criterion that is met. */
export interface StopReason {
  /** One of REASON, and the configured number. */
  readonly reason: number;
  readonly value: number;
  /** For so long the criteria do not decide again; 0: the next response may start the bypass. */
  readonly restMs: number;
}

/** After `bypass.stop: age` a session stays via NAT for a tenth of that age, within these bounds. */
const SHORTEST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

/** `bypass.stop`: when a session returns to the way by the NAT machine. */
export class StopCriteria {
  readonly #records: SessionRecords;
  readonly #rates: PathRates;
  readonly #low: LowSince;
  /** Since when the instruction in force has been so; 0: not known. */
  readonly #startedMs: Float64Array;

  constructor(records: SessionRecords, rates: PathRates) {
    this.#records = records;
    this.#rates = rates;
    this.#low = new LowSince(records.capacity);
    this.#startedMs = new Float64Array(records.capacity + 1);
  }

  /** An instruction is in force from now on. */
  started(slot: number, nowMs: number): void {
    this.#startedMs[slot] = nowMs;
    this.#low.clear(slot);
  }

  /** How old the instruction in force is, as far as this process knows. */
  ageMs(slot: number, nowMs: number): number {
    return this.#startedMs[slot] === 0 ? 0 : nowMs - this.#startedMs[slot]!;
  }

  /**
   * Which criterion the session meets, or null.
   * @param sampledMs when its rate was measured last, if that is news
   */
  look(
    slot: number,
    { bypass: { stop } }: ServiceConfig,
    { nowMs, sampledMs }: { nowMs: number; sampledMs: number | null },
  ): StopReason | null {
    const { idleMs, rate, forMs = 0, ageMs } = stop;
    if (idleMs !== undefined && nowMs - this.#records.lastActivityMs(slot) >= idleMs) {
      return { reason: REASON.idle, value: idleMs, restMs: 0 };
    }
    // Taken over from an earlier process: as old as this one knows of it.
    if (this.#startedMs[slot] === 0) this.#startedMs[slot] = nowMs;
    if (ageMs !== undefined && this.ageMs(slot, nowMs) >= ageMs) {
      const restMs = Math.min(Math.max(ageMs / 10, SHORTEST_REST_MS), LONGEST_REST_MS);
      return { reason: REASON.stopAge, value: ageMs, restMs };
    }
    if (rate !== undefined && sampledMs !== null) {
      const lowMs = this.#low.look(slot, this.#measured(slot, rate) < rate.perSecond, sampledMs);
      if (lowMs >= forMs) return { ...lowRate(rate), restMs: forMs };
    }
    return null;
  }

  /**
   * Is a session that was stopped for its low rate still too slow to start again? To be asked when
   * its rest is over.
   */
  tooSlow(slot: number, { bypass: { stop } }: ServiceConfig, nowMs: number): boolean {
    if (stop.rate === undefined) return false;
    this.#rates.sample(slot, nowMs);
    return this.#measured(slot, stop.rate) < stop.rate.perSecond;
  }

  #measured(slot: number, rate: Rate): number {
    return rate.of === "bytes" ? this.#rates.byteRate(slot) : this.#rates.packetRate(slot);
  }
}

function lowRate({ of, perSecond }: Rate): { reason: number; value: number } {
  return { reason: of === "bytes" ? REASON.stopRate : REASON.stopPacketRate, value: perSecond };
}

/** Whether a session says that it was stopped for its low rate. */
export function isLowRate(reason: number): boolean {
  return reason === REASON.stopRate || reason === REASON.stopPacketRate;
}
