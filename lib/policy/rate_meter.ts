/** Over how long a rate is smoothed unless said otherwise: two thirds of a change show after it. */
export const SMOOTHING_MS = 1000;
/** Counts are looked at no more often than this, so that a burst within a batch is no rate. */
const SAMPLE_MS = 100;

/** Per slot: when the counts were looked at last, and what they were. */
const SINCE = 0, BYTES = 1, PACKETS = 2, COUNTS = 3;
const BYTE_RATE = 0, PACKET_RATE = 1, RATES = 2;

/**
 * Smoothed rates of sessions, by slot: exponentially weighted averages of what was counted between
 * looks that are irregular in time. One writer; others may read the rates out of shared memory.
 * Memory is touched only for slots that are measured. Allocates nothing after construction.
 */
export class RateMeter {
  readonly #counts: Float64Array;
  readonly #rates: Float32Array;
  readonly #smoothingMs: number;

  /** @param buffer zeros, {@linkcode RateMeter.bytesFor} of them; or another meter's, to read */
  constructor(buffer: ArrayBufferLike, smoothingMs = SMOOTHING_MS) {
    this.#smoothingMs = smoothingMs;
    const slots = buffer.byteLength / (COUNTS * 8 + RATES * 4);
    this.#counts = new Float64Array(buffer, 0, slots * COUNTS);
    this.#rates = new Float32Array(buffer, slots * COUNTS * 8, slots * RATES);
  }

  /** Bytes of memory for slots 0 to `capacity`. */
  static bytesFor(capacity: number): number {
    // Even, so that the array of doubles ends where a double may.
    return (capacity + 1 + ((capacity + 1) & 1)) * (COUNTS * 8 + RATES * 4);
  }

  /** Bytes a second. */
  byteRate(slot: number): number {
    return this.#rates[slot * RATES + BYTE_RATE]!;
  }

  packetRate(slot: number): number {
    return this.#rates[slot * RATES + PACKET_RATE]!;
  }

  /** Forgets what was in this slot before: the next look begins anew. */
  clear(slot: number): void {
    this.#counts[slot * COUNTS + SINCE] = 0;
    this.#rates[slot * RATES + BYTE_RATE] = 0;
    this.#rates[slot * RATES + PACKET_RATE] = 0;
  }

  /** Looks at counts that only grow. Returns whether the rates are new. */
  sample(slot: number, nowMs: number, packets: number, bytes: number): boolean {
    const counts = this.#counts;
    const at = slot * COUNTS;
    // Counts that went back are another session's.
    const since = packets < counts[at + PACKETS]! ? 0 : counts[at + SINCE]!;
    const passed = nowMs - since;
    if (since !== 0 && passed < SAMPLE_MS) return false;
    if (since !== 0) {
      const rates = this.#rates;
      const to = slot * RATES;
      const weight = 1 - Math.exp(-passed / this.#smoothingMs);
      const byteRate = rates[to + BYTE_RATE]!;
      const packetRate = rates[to + PACKET_RATE]!;
      const perSecond = 1000 / passed;
      rates[to + BYTE_RATE] = byteRate +
        weight * ((bytes - counts[at + BYTES]!) * perSecond - byteRate);
      rates[to + PACKET_RATE] = packetRate +
        weight * ((packets - counts[at + PACKETS]!) * perSecond - packetRate);
    }
    counts[at + SINCE] = nowMs;
    counts[at + BYTES] = bytes;
    counts[at + PACKETS] = packets;
    return since !== 0;
  }
}
