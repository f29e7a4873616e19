import { KEPT } from "../datapath/engine.ts";
import { DROP } from "../session/drop_reason.ts";
import { FRAGMENT } from "../session/fragment_verdict.ts";
import { FragmentTracker } from "../session/fragment_tracker.ts";
import type { Packet } from "../wire/packet.ts";
import { IP_OFFSET } from "../datapath/engine.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "./fragment_translator.ts";

export interface FragmentGathererOptions {
  readonly key: readonly [number, number];
  /** The worker that has the session of a first fragment, which has ports. */
  readonly ownerOf: (packet: Packet) => number;
  /** Lets a worker have a fragment: a verdict. */
  readonly deliver: (packet: Packet, vnetOffset: number, owner: number, nowMs: number) => number;
  /** The same for one that was held; false when there was no room. */
  readonly hand: (
    owner: number,
    bytes: Uint8Array,
    offset: number,
    lengthBytes: number,
    link: number,
  ) => boolean;
  /** Number of the interface that the packet in a slot came by. */
  readonly linkOf: (vnetOffset: number) => number;
}

/**
 * Finds the worker of fragments that have no ports: all fragments of a datagram come to one worker, by
 * their source and identification, which passes them on once the first one has shown whose they are.
 * That worker looks at them anew, in this order: the first one, then the rest.
 */
export class FragmentGatherer {
  readonly #options: FragmentGathererOptions;
  readonly #tracker: FragmentTracker;
  readonly #bytes = new Uint8Array(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
  readonly #lengths = new Int32Array(HELD_FRAGMENTS);
  readonly #links = new Uint8Array(HELD_FRAGMENTS);
  #lost = 0;
  /** Held, and could not be handed over. */
  #unsent = 0;

  constructor(options: FragmentGathererOptions) {
    this.#options = options;
    this.#tracker = new FragmentTracker({ key: options.key, held: HELD_FRAGMENTS });
  }

  /** A fragment as it came from the network: a verdict. */
  handle(packet: Packet, vnetOffset: number, nowMs: number): number {
    const { ownerOf, deliver } = this.#options;
    const verdict = this.#tracker.track(packet, nowMs);
    if (verdict >= 0) return deliver(packet, vnetOffset, verdict, nowMs);
    if (verdict === FRAGMENT.held) return this.#hold(packet, vnetOffset);
    if (verdict !== FRAGMENT.first) return -DROP.fragment;
    const owner = ownerOf(packet);
    this.#tracker.own(owner, packet.identification);
    const delivered = deliver(packet, vnetOffset, owner, nowMs);
    for (let i = this.#tracker.nextHeld(); i >= 0; i = this.#tracker.nextHeld()) {
      const length = this.#lengths[i]!;
      const isHanded = length > 0 &&
        this.#options.hand(owner, this.#bytes, i * HELD_FRAGMENT_BYTES, length, this.#links[i]!);
      if (!isHanded) this.#unsent++;
    }
    return delivered;
  }

  /** As of FragmentTranslator. */
  expire(nowMs: number): number {
    this.#tracker.expire(nowMs);
    const lost = this.#tracker.counts.heldLost + this.#unsent - this.#lost;
    this.#lost += lost;
    return lost;
  }

  #hold(packet: Packet, vnetOffset: number): number {
    const length = IP_OFFSET + packet.totalBytes;
    const slot = this.#tracker.heldSlot;
    const fits = length <= HELD_FRAGMENT_BYTES;
    this.#lengths[slot] = fits ? length : 0;
    this.#links[slot] = this.#options.linkOf(vnetOffset);
    if (fits) {
      const bytes = packet.bytes.subarray(vnetOffset, vnetOffset + length);
      this.#bytes.set(bytes, slot * HELD_FRAGMENT_BYTES);
    }
    return KEPT;
  }
}
