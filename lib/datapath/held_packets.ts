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
  readonly #lost: (slot: number, frameBytes: number) => void;
  #next = 0;
  #count = 0;

  /**
   * @param slots offsets in `buffer`, each with room for a whole packet
   * @param lost called with each packet that had to go, while it still lies in its slot
   */
  constructor(
    buffer: ArrayBuffer,
    slots: readonly number[],
    lost: (slot: number, frameBytes: number) => void = () => {},
  ) {
    this.#lost = lost;
    this.#bytes = new Uint8Array(buffer);
    this.#slots = slots;
    this.#hop = new Int32Array(slots.length);
    this.#frameBytes = new Int32Array(slots.length);
    this.#sinceMs = new Float64Array(slots.length);
  }

  get count(): number {
    return this.#count;
  }

  /** Copies a packet (with headers) away; an older one may have to go for it. */
  hold(hop: number, slot: number, frameBytes: number, nowMs: number): void {
    const i = this.#next;
    this.#next = (i + 1) % this.#slots.length;
    if (this.#hop[i] === 0) this.#count++;
    else this.#lost(this.#slots[i]!, this.#frameBytes[i]!);
    this.#hop[i] = hop;
    this.#frameBytes[i] = frameBytes;
    this.#sinceMs[i] = nowMs;
    this.#bytes.copyWithin(this.#slots[i]!, slot, slot + VNET_HEADER_BYTES + frameBytes);
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

  /** Lets go of what has waited too long. */
  expire(nowMs: number): void {
    if (this.#count === 0) return;
    for (let i = 0; i < this.#slots.length; i++) {
      if (this.#hop[i] === 0 || nowMs - this.#sinceMs[i]! < HOLD_MS) continue;
      this.#hop[i] = 0;
      this.#count--;
      this.#lost(this.#slots[i]!, this.#frameBytes[i]!);
    }
  }
}
