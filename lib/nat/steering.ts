import type { NatConfig } from "../config/nat_config.ts";
import { isMapped } from "../wire/address.ts";

/** By what rule sessions belong to packet workers. */
export interface SteeringRule {
  readonly workers: number;
  /** A random word: senders choose their addresses and ports. */
  readonly key: number;
  /** How much of a client's address counts, as prefix lengths. */
  readonly ipv4: number;
  readonly ipv6: number;
  /** Whether the client's port counts as well. */
  readonly ports: boolean;
}

/** The multiplier of each step: odd, so that nothing is lost (2^32 over the golden ratio). */
export const STEERING_MULTIPLIER = 0x9e3779b1;
export const STEERING_SHIFT = 15;

/**
 * The rule of a configuration. Where clients keep their servers, all sessions of what counts as one
 * client have one worker, which alone remembers the server.
 */
export function steeringRule(
  { workers, services }: Pick<NatConfig, "workers" | "services">,
  key: number,
): SteeringRule {
  const affinities = services.flatMap(({ affinity }) => affinity === undefined ? [] : [affinity]);
  return {
    workers,
    key,
    ipv4: Math.min(32, ...affinities.map(({ ipv4 }) => ipv4)),
    ipv6: Math.min(128, ...affinities.map(({ ipv6 }) => ipv6)),
    ports: affinities.length === 0,
  };
}

/**
 * Which packet worker a session belongs to. Its NAT port says so, and a new session gets a port of the
 * worker that its client's packets come to: so both directions meet the same worker without anybody
 * asking another. steering_program.ts says the same to the kernel.
 */
export class Steering {
  readonly rule: SteeringRule;
  /** What counts of each word of an address; IPv4 stands in the last one. */
  readonly #masks4: Int32Array;
  readonly #masks6: Int32Array;

  constructor(rule: SteeringRule) {
    this.rule = rule;
    this.#masks4 = prefixMasks(rule.ipv4);
    this.#masks6 = prefixMasks(rule.ipv6);
  }

  /** The worker that has the sessions of a NAT port. */
  ofPort(port: number): number {
    return port % this.rule.workers;
  }

  /** The worker that begins the sessions of a client endpoint: an address of 4 words, and a port. */
  ofClient(words: Int32Array, offset: number, port: number): number {
    const { key, ports, workers } = this.rule;
    const hash = this.#ofAddress(words, offset, key);
    return ((ports ? step(hash, port) : hash) >>> 0) % workers;
  }

  /** The worker that gathers the fragments of a datagram, by its source and identification. */
  ofDatagram(words: Int32Array, offset: number, identification: number): number {
    const hash = this.#ofAddress(words, offset, this.rule.key);
    return (step(hash, identification & 0xffff) >>> 0) % this.rule.workers;
  }

  #ofAddress(words: Int32Array, offset: number, key: number): number {
    if (isMapped(words[offset]!, words[offset + 1]!, words[offset + 2]!)) {
      return step(key, words[offset + 3]! & this.#masks4[0]!);
    }
    let hash = key;
    for (let i = 0; i < 4; i++) hash = step(hash, words[offset + i]! & this.#masks6[i]!);
    return hash;
  }
}

/** One step of the hash: of 32 bits, as the machine of classic BPF can do it. */
function step(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, STEERING_MULTIPLIER);
  return product ^ (product >>> STEERING_SHIFT);
}

/** The masks of the words of a prefix of this length, from the first word on. */
export function prefixMasks(length: number): Int32Array {
  return Int32Array.from({ length: 4 }, (_, i) => {
    const bits = Math.max(0, Math.min(32, length - 32 * i));
    return bits === 0 ? 0 : -1 << (32 - bits);
  });
}
