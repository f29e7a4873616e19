import { KeyedHash } from "../session/hash.ts";

/** Addresses share this many buckets; two that meet in one share its allowance too. */
const BUCKETS = 4096;

export interface ReplyLimitsOptions {
  /** To all addresses together: on average, and at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** To one IPv4 address or one IPv6 /64. */
  readonly perSecondEach: number;
  readonly burstEach: number;
  /** Uniform in [0, 1); not to be guessed. */
  readonly random: () => number;
}

/**
 * Token buckets for packets of our own, one for all and one for each address (RFC 1812, 4.3.2.8;
 * RFC 4443, 2.4 f). A reply costs none, one or two tokens by chance, one on average: a sender with
 * false addresses who counts the replies that are left for him cannot tell whether one of his packets
 * was answered (as Linux does since "icmp: randomize the global rate limiter"). Pure; allocates nothing
 * after construction.
 */
export class ReplyLimits {
  readonly #options: ReplyLimitsOptions;
  readonly #hash: KeyedHash;
  /** The last one is for all. */
  readonly #tokens = new Float64Array(BUCKETS + 1);
  readonly #filledMs = new Float64Array(BUCKETS + 1).fill(-Infinity);

  constructor(options: ReplyLimitsOptions) {
    this.#options = options;
    const word = () => Math.floor(options.random() * 2 ** 32) | 0;
    this.#hash = new KeyedHash(word(), word());
  }

  /** Whether the address (4 words at an offset) may get a reply now; if so, it is counted. */
  allow(words: Int32Array, offset: number, nowMs: number): boolean {
    const { perSecond, burst, perSecondEach, burstEach } = this.#options;
    const own = this.#bucketOf(words, offset);
    this.#fill(own, perSecondEach * this.#elapsedMs(own, nowMs) / 1000, burstEach);
    this.#fill(BUCKETS, perSecond * this.#elapsedMs(BUCKETS, nowMs) / 1000, burst);
    if (this.#tokens[own]! < 1 || this.#tokens[BUCKETS]! < 1) return false;
    this.#spend(own);
    this.#spend(BUCKETS);
    return true;
  }

  /** Time since this was last asked for the bucket. */
  #elapsedMs(bucket: number, nowMs: number): number {
    const elapsedMs = Math.max(0, nowMs - this.#filledMs[bucket]!);
    this.#filledMs[bucket] = nowMs;
    return elapsedMs;
  }

  #fill(bucket: number, tokens: number, most: number): void {
    this.#tokens[bucket] = Math.min(most, this.#tokens[bucket]! + tokens);
  }

  #spend(bucket: number): void {
    this.#tokens[bucket] = this.#tokens[bucket]! - Math.floor(this.#options.random() * 3);
  }

  #bucketOf(words: Int32Array, offset: number): number {
    const hash = this.#hash;
    hash.start();
    if (words[offset + 2] === 0xffff && words[offset] === 0 && words[offset + 1] === 0) {
      hash.add(words[offset + 3]!);
    } else {
      hash.add(words[offset]!);
      hash.add(words[offset + 1]!);
    }
    return (hash.finish() >>> 0) % BUCKETS;
  }
}
