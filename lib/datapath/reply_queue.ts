import { SendQueue } from "../linux/message_batch.ts";
import type { Mapping } from "../linux/memory.ts";
import { COUNTER } from "../session/counters.ts";
import { ETHERNET_HEADER_BYTES, IP_OFFSET, VNET_HEADER_BYTES } from "./engine.ts";
import type { NextHops } from "./next_hops.ts";

export interface ReplyQueueOptions {
  /** The engine's; the slots are in it. */
  readonly memory: Mapping;
  /** Offsets of slots for packets of the handler's own: so many fit into one batch. */
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
  readonly #queues: SendQueue[];
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #used = 0;

  constructor(options: ReplyQueueOptions) {
    const { memory, outputs, slots } = options;
    this.#options = options;
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    const capacity = Math.max(1, slots.length);
    this.#queues = outputs.map(() => new SendQueue(memory, { capacity }));
  }

  /** As PacketSender.emit. */
  emit(packet: Uint8Array, hop: number): boolean {
    const { slots, slotBytes, hops } = this.#options;
    const fits = packet.length <= hops.mtu(hop) && IP_OFFSET + packet.length <= slotBytes;
    if (!fits || this.#used === slots.length || !hops.resolved(hop)) return false;
    const slot = slots[this.#used++]!;
    this.#bytes.fill(0, slot, slot + VNET_HEADER_BYTES);
    this.#bytes.set(packet, slot + IP_OFFSET);
    hops.writeEthernet(hop, this.#view, slot);
    this.#queues[hops.output(hop)]!.push(
      slot,
      VNET_HEADER_BYTES + ETHERNET_HEADER_BYTES + packet.length,
    );
    return true;
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#used === 0) return;
    this.#used = 0;
    const { counters, outputs } = this.#options;
    for (let i = 0; i < outputs.length; i++) {
      counters[COUNTER.replies] = counters[COUNTER.replies]! + this.#queues[i]!.flush(outputs[i]!);
    }
  }
}
