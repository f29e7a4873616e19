import { VNET_HEADER_BYTES } from "./engine.ts";

const HOLD_MS = 1_000;

/**
 * Packets that wait for the link address of their next hop, in slots of the engine's memory:
 * bounded in number and in time. When all slots are taken the oldest packet gives way.
 */
export class HeldPackets {
  readonly #bytes: Uint8Array;
  readonly #slots: readonly number[];
  readonly #hop: Int32Array;
  readonly #frameBytes: Int32Array;
  readonly #sinceMs: Float64Array;
  #next = 0;
  #count = 0;

  /** @param slots offsets in `buffer`, each with room for a whole packet */
  constructor(buffer: ArrayBuffer, slots: readonly number[]) {
    this.#bytes = new Uint8Array(buffer);
    this.#slots = slots;
    this.#hop = new Int32Array(slots.length);
    this.#frameBytes = new Int32Array(slots.length);
    this.#sinceMs = new Float64Array(slots.length);
  }

  get count(): number {
    return this.#count;
  }

  /** Copies a packet (with headers) away; true when an older one had to go for it. */
  hold(hop: number, slot: number, frameBytes: number, nowMs: number): boolean {
    const i = this.#next;
    this.#next = (i + 1) % this.#slots.length;
    const lost = this.#hop[i] !== 0;
    if (!lost) this.#count++;
    this.#hop[i] = hop;
    this.#frameBytes[i] = frameBytes;
    this.#sinceMs[i] = nowMs;
    this.#bytes.copyWithin(this.#slots[i]!, slot, slot + VNET_HEADER_BYTES + frameBytes);
    return lost;
  }

  /** Hands over the packets that wait for this hop, oldest first. */
  release(hop: number, send: (slot: number, frameBytes: number) => void): void {
    for (let n = 0; n < this.#slots.length && this.#count > 0; n++) {
      const i = (this.#next + n) % this.#slots.length;
      if (this.#hop[i] !== hop) continue;
      this.#hop[i] = 0;
      this.#count--;
      send(this.#slots[i]!, this.#frameBytes[i]!);
    }
  }

  /** Lets go of what has waited too long; returns how many. */
  expire(nowMs: number): number {
    if (this.#count === 0) return 0;
    let gone = 0;
    for (let i = 0; i < this.#slots.length; i++) {
      if (this.#hop[i] === 0 || nowMs - this.#sinceMs[i]! < HOLD_MS) continue;
      this.#hop[i] = 0;
      this.#count--;
      gone++;
    }
    return gone;
  }
}
