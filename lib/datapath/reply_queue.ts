import type { Mapping } from "../linux/memory.ts";
import { SendQueues } from "../linux/send_queues.ts";
import { COUNTER } from "../session/counters.ts";
import { ETHERNET_HEADER_BYTES, IP_OFFSET, type PacketTap, VNET_HEADER_BYTES } from "./engine.ts";
import { HeldPackets } from "./held_packets.ts";
import type { NextHops } from "./next_hops.ts";

export interface ReplyQueueOptions {
  /** The engine's; the slots are in it. */
  readonly memory: Mapping;
  /**
   * Offsets of slots for packets of the handler's own, a multiple of four: three quarters of them
   * are for one batch, the others for packets that wait for the link address of their next hop.
   */
  readonly slots: readonly number[];
  readonly slotBytes: number;
  /** Sockets to send by, in the order of the hops' interfaces. */
  readonly outputs: readonly number[];
  readonly hops: NextHops;
  readonly counters: Float64Array;
}

/**
 * Packets that the handler made, waiting for the end of the batch: bounded, and sent apart from what
 * is forwarded, so that each is counted as what it is.
 */
export class ReplyQueue {
  readonly #options: ReplyQueueOptions;
  readonly #outbox: SendQueues;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #slots: readonly number[];
  readonly #waiting: HeldPackets;
  /** What is queued, for the tap: slot, bytes and output of each. */
  readonly #queued: Int32Array;
  #queuedEnd = 0;
  /** Sees what leaves. */
  tap: PacketTap | null = null;
  #used = 0;
  #released = false;
  #nowMs = 0;

  constructor(options: ReplyQueueOptions) {
    const { memory, outputs, slots } = options;
    const batch = slots.length * 3 / 4;
    this.#options = options;
    this.#slots = slots.slice(0, batch);
    this.#waiting = new HeldPackets(memory.buffer, slots.slice(batch));
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    const capacity = Math.max(1, slots.length);
    this.#queued = new Int32Array(3 * capacity);
    this.#outbox = new SendQueues(memory, outputs, { capacity });
  }

  /** As PacketSender.emit. */
  emit(packet: Uint8Array, hop: number): boolean {
    const { slotBytes, hops } = this.#options;
    const fits = packet.length <= hops.mtu(hop) && IP_OFFSET + packet.length <= slotBytes;
    if (!fits || this.#used === this.#slots.length) return false;
    const slot = this.#slots[this.#used++]!;
    const frameBytes = ETHERNET_HEADER_BYTES + packet.length;
    this.#bytes.fill(0, slot, slot + VNET_HEADER_BYTES);
    this.#bytes.set(packet, slot + IP_OFFSET);
    if (hops.resolved(hop)) this.#push(hop, slot, frameBytes);
    else this.#waiting.hold(hop, slot, frameBytes, this.#nowMs);
    return true;
  }

  /** The hop's link address has become known: what waits for it is sent with the next flush. */
  release(hop: number): void {
    this.#waiting.release(hop, (slot, frameBytes) => {
      this.#push(hop, slot, frameBytes);
      this.#released = true;
    });
  }

  /** Lets go of what has waited too long: a packet of our own, which is nobody's loss. */
  expire(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#waiting.expire(nowMs);
  }

  /** Sends what is queued. */
  flush(): void {
    if (this.#used === 0 && !this.#released) return;
    this.#used = 0;
    this.#released = false;
    if (this.tap !== null) this.#show(this.tap);
    this.#queuedEnd = 0;
    const { counters } = this.#options;
    counters[COUNTER.replies] = counters[COUNTER.replies]! + this.#outbox.flush();
  }

  #push(hop: number, slot: number, frameBytes: number): void {
    const { hops } = this.#options;
    hops.writeEthernet(hop, this.#view, slot);
    const output = hops.output(hop);
    this.#outbox.push(output, slot, VNET_HEADER_BYTES + frameBytes);
    const at = this.#queuedEnd;
    this.#queued[at] = slot;
    this.#queued[at + 1] = frameBytes;
    this.#queued[at + 2] = output;
    this.#queuedEnd = at + 3;
  }

  /** Not before the packet that they answer has been decided about. */
  #show(tap: PacketTap): void {
    const queued = this.#queued;
    for (let at = 0; at < this.#queuedEnd; at += 3) {
      tap.leaving(queued[at + 2]!, queued[at]!, queued[at + 1]!, true);
    }
  }
}
