import { RateMeter } from "../policy/rate_meter.ts";
import { DIRECT, F64 } from "../session/layout.ts";
import type { SessionRecords } from "../session/session_records.ts";

/** Longer than what a burst lasts: these rates take a bypass away. */
const SMOOTHING_MS = 3000;

/**
 * Smoothed rates of responses, whichever way they take, of those sessions that the main thread looks
 * at: of one that bypasses as often as its agent reports.
 */
export class PathRates {
  readonly #records: SessionRecords;
  readonly #meter: RateMeter;
  /** Whose rate it is; the slot may belong to another session since. */
  readonly #id: Float64Array;

  constructor(records: SessionRecords) {
    this.#records = records;
    this.#meter = new RateMeter(
      new ArrayBuffer(RateMeter.bytesFor(records.capacity)),
      SMOOTHING_MS,
    );
    this.#id = new Float64Array(records.capacity + 1);
  }

  /** Looks at a session's counts as of a time. Returns whether its rates are new. */
  sample(slot: number, atMs: number): boolean {
    const records = this.#records;
    const id = records.getF64(slot, F64.id);
    if (this.#id[slot] !== id) {
      this.#id[slot] = id;
      this.#meter.clear(slot);
    }
    return this.#meter.sample(
      slot,
      atMs,
      records.getF64(slot, F64.packetsViaNat) + records.getDirect(slot, DIRECT.packets),
      records.getF64(slot, F64.bytesViaNat) + records.getDirect(slot, DIRECT.bytes),
    );
  }

  /** Bytes a second; 0 for a session that has not been looked at twice. */
  byteRate(slot: number): number {
    return this.#isOf(slot) ? this.#meter.byteRate(slot) : 0;
  }

  packetRate(slot: number): number {
    return this.#isOf(slot) ? this.#meter.packetRate(slot) : 0;
  }

  #isOf(slot: number): boolean {
    return this.#id[slot] === this.#records.getF64(slot, F64.id);
  }
}
