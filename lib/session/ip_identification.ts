import { KeyedHash } from "./hash.ts";

/** RFC 6864 section 4.3 and RFC 791: an identification is not used again within the time that a datagram lives. */
const DATAGRAM_LIFETIME_MS = 120_000;
const SEQUENCES = 16384;
const ROUNDS = 4;
/** 2^32 over the golden ratio: makes the rounds differ. */
const ROUND_STEP = 0x9e3779b9;

/**
 * New identifications for the packets of merged streams. Many clients reach a server from one SNAT
 * address, and many servers a client from one VIP: identifications that were unique as their senders
 * chose them collide then, and the receiver would put fragments of different datagrams together. So
 * they are chosen again, as if the packets came from here (RFC 6864 section 5.3.1).
 *
 * Every source, destination and (in IPv4) protocol has a permutation of all identifications, keyed
 * with a secret, along which a counter walks: unpredictable for who does not see the packets (RFC 7739),
 * and an IPv4 identification comes again after the 65,534 others have, which is as late as 16 bits
 * allow. The counters are a table indexed by hash: streams that share one skip some values and come
 * round sooner.
 *
 * Wanted by fragments (one for all of a datagram, see `FragmentTracker.own`) and by IPv4 packets
 * without DF, which a router may still fragment. A whole IPv4 packet with DF needs none (RFC 6864
 * section 4.1), nor does an IPv6 packet without a fragment header.
 */
export class IpIdentifications {
  readonly #hash: KeyedHash;
  readonly #counters = new Uint32Array(SEQUENCES);
  /** When each counter began its present round of 2^16. */
  readonly #roundMs = new Float64Array(SEQUENCES).fill(-Infinity);
  #earlyRounds = 0;

  readonly #workers: number;

  /**
   * @param key two random words, the same for all who choose for the same streams
   * @param part of these: each walks over every so many-th, so that no two choose the same
   */
  constructor(
    key: readonly [number, number],
    { worker, workers } = { worker: 0, workers: 1 },
  ) {
    this.#hash = new KeyedHash(key[0], key[1]);
    this.#workers = workers;
    this.#counters.fill(worker);
  }

  /** How often 65,536 identifications of IPv4 were used up within two minutes: more than can be told apart. */
  get earlyRounds(): number {
    return this.#earlyRounds;
  }

  /**
   * The next identification, never 0: 1 to 65,535 for IPv4, a signed 32-bit integer for IPv6, as
   * `setIdentification` of lib/wire/rewrite.ts takes them.
   *
   * @param addresses source and destination as they are sent, 8 words, as in `rewrite`
   */
  next(family: 4 | 6, addresses: Int32Array, protocol: number, nowMs: number): number {
    const isV4 = family === 4;
    const stream = isV4 ? this.#stream4(addresses, protocol) : this.#stream6(addresses);
    const at = stream & (SEQUENCES - 1);
    for (;;) {
      const count = this.#counters[at]!;
      this.#counters[at] = count + this.#workers;
      if (isV4 && (count & 0xffff) < this.#workers) this.#noteRound(at, nowMs);
      const identification = isV4
        ? this.#permute(stream, count & 0xffff, 8)
        : this.#permute(stream, count, 16);
      if (identification !== 0) return identification;
    }
  }

  #stream4(addresses: Int32Array, protocol: number): number {
    const hash = this.#hash;
    hash.start();
    hash.add(addresses[3]!);
    hash.add(addresses[7]!);
    hash.add(protocol);
    return hash.finish();
  }

  #stream6(addresses: Int32Array): number {
    const hash = this.#hash;
    hash.start();
    for (let i = 0; i < 8; i++) hash.add(addresses[i]!);
    return hash.finish();
  }

  /** A Feistel network (Luby and Rackoff) over two halves of so many bits. */
  #permute(stream: number, value: number, bits: number): number {
    const mask = (1 << bits) - 1;
    const hash = this.#hash;
    let left = value >>> bits;
    let right = value & mask;
    let round = stream;
    for (let i = 0; i < ROUNDS; i++) {
      hash.start();
      hash.add(round);
      hash.add(right);
      const next = left ^ (hash.finish() & mask);
      left = right;
      right = next;
      round = (round + ROUND_STEP) | 0;
    }
    return (left << bits) | right;
  }

  #noteRound(at: number, nowMs: number): void {
    if (nowMs - this.#roundMs[at]! < DATAGRAM_LIFETIME_MS) this.#earlyRounds++;
    this.#roundMs[at] = nowMs;
  }
}
