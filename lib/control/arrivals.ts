/**
 * How often somebody may connect: a handshake costs more than all that may come after it.
 *
 * @module
 */

import { TokenBucket } from "../policy/token_bucket.ts";

/** How many addresses are remembered; whoever has as many has other means. */
const MAX_ADDRESSES = 4096;

/** Admits connections by the address that they come from. Pure: time is an argument. */
export class Arrivals {
  readonly #limit: { readonly perSecond: number; readonly burst: number };
  /** Longest unseen first. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limit: { readonly perSecond: number; readonly burst: number }) {
    this.#limit = limit;
  }

  /** Whether another connection may come from there now. */
  admit(address: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(address) ?? new TokenBucket({ ...this.#limit, nowMs });
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > MAX_ADDRESSES) {
      const [oldest] = this.#buckets.keys();
      this.#buckets.delete(oldest!);
    }
    if (bucket.isEmpty(nowMs)) return false;
    bucket.spend(1);
    return true;
  }
}
