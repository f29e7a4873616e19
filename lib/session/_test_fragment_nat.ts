import { type FrameOptions } from "../wire/build_frame.ts";
import { buildPacket, fragmentPacket } from "../wire/build_frame.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED } from "../wire/reason.ts";
import { FragmentTracker, type FragmentTrackerOptions } from "./fragment_tracker.ts";
import { FRAGMENT } from "./fragment_verdict.ts";

const SLOT_BYTES = 2048;

/** A fragment that was sent on. */
export interface Forwarded {
  readonly owner: number;
  readonly identification: number;
  readonly bytes: Uint8Array;
}

/**
 * A caller of the tracker, as simple as it can be: the owner of a datagram is its source port, and
 * 40000 and above find none. Bytes lie in slots and are read from there only when a batch is over.
 */
export class FragmentNat {
  readonly tracker: FragmentTracker;
  readonly forwarded: Forwarded[] = [];
  readonly #packet = new Packet();
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #queue: { owner: number; identification: number; at: number }[] = [];
  readonly #lengths = new Map<number, number>();
  #next = 1;
  #given = 1000;
  nowMs = 1e6;

  constructor(options: Partial<FragmentTrackerOptions> = {}) {
    this.tracker = new FragmentTracker({ key: [3, 5], ...options });
    // Slot 0 receives, and so do some more, so that a batch fits; the held ones follow.
    this.#memory = new Uint8Array((BATCH + (options.held ?? 1024)) * SLOT_BYTES);
    this.#packet.attach(this.#memory.buffer);
  }

  /** The verdict on one packet that arrives. */
  receive(bytes: Uint8Array): number {
    if (this.#next === BATCH) this.flush();
    const at = this.#next++ * SLOT_BYTES;
    this.#memory.set(bytes, at);
    const reason = this.#packet.parse(at, bytes.length);
    if (reason !== PARSED) throw new Error(`Not parsed: ${reason}`);
    const tracker = this.tracker;
    const verdict = tracker.track(this.#packet, this.nowMs);
    if (verdict >= 0) this.#send(verdict, at, bytes.length);
    else if (verdict === FRAGMENT.held) {
      const slot = (BATCH + tracker.heldSlot) * SLOT_BYTES;
      this.#memory.copyWithin(slot, at, at + bytes.length);
      this.#lengths.set(slot, bytes.length);
    } else if (verdict === FRAGMENT.first) this.#own(at, bytes.length);
    return verdict;
  }

  #own(at: number, lengthBytes: number): void {
    const owner = this.#packet.sourcePort;
    if (owner >= 40000) return;
    this.tracker.own(owner, ++this.#given);
    this.#send(owner, at, lengthBytes);
    for (let slot = this.tracker.nextHeld(); slot >= 0; slot = this.tracker.nextHeld()) {
      const heldAt = (BATCH + slot) * SLOT_BYTES;
      this.#send(owner, heldAt, this.#lengths.get(heldAt)!);
    }
  }

  #send(owner: number, at: number, lengthBytes: number): void {
    const { identification } = this.tracker;
    this.#queue.push({ owner, identification, at });
    this.#lengths.set(at, lengthBytes);
  }

  /** Ends a batch. */
  flush(): void {
    for (const { owner, identification, at } of this.#queue) {
      const bytes = this.#memory.slice(at, at + this.#lengths.get(at)!);
      this.forwarded.push({ owner, identification, bytes });
    }
    this.#queue.length = 0;
    this.#next = 1;
    this.tracker.expire(this.nowMs);
  }

  pass(ms: number): void {
    this.flush();
    this.nowMs += ms;
    this.flush();
  }
}

const BATCH = 64;

export interface DatagramOptions extends Partial<FrameOptions> {
  readonly bytes?: number;
  readonly fragmentBytes?: number;
  readonly id?: number;
}

/** The fragments of a UDP datagram; its payload tells the identification and the place. */
export function datagram(options: DatagramOptions = {}): Uint8Array<ArrayBuffer>[] {
  const { bytes = 4000, fragmentBytes = 1480, id = 1, ...rest } = options;
  const payload = Uint8Array.from({ length: bytes - 8 }, (_, i) => i * 7 + id);
  const packet = buildPacket({
    protocol: "udp",
    source: "198.51.100.2:5000",
    destination: "203.0.113.10:53",
    dontFragment: false,
    payload,
    ...rest,
  });
  return fragmentPacket(packet, fragmentBytes, id);
}
