import { MessageBatch } from "../linux/message_batch.ts";
import type { PacketSocket } from "../linux/packet_socket.ts";
import type { Mapping } from "../linux/memory.ts";
import { DROP } from "../session/drop_reason.ts";
import type { QueueCounts } from "./queue_wait.ts";
import { type PacketSource, VNET_HEADER_BYTES } from "./engine.ts";

const PACKET_HOST = 0;

export const SLOT_BYTES = 66 * 1024;
export const BATCH = 64;
/** Packets of the first batch: a millisecond's work of a program that has just been loaded. */
const FIRST_BATCH = 8;

/** Packets from an AF_PACKET socket with virtio_net headers. */
export class SocketSource implements PacketSource {
  readonly fd: number;
  readonly #socket: PacketSocket;
  readonly #batch: MessageBatch;

  /** Uses {@linkcode BATCH} slots of `memory` from `memoryOffset` on. */
  constructor(socket: PacketSocket, memory: Mapping, memoryOffset: number) {
    this.fd = socket.fd.number;
    this.#socket = socket;
    const size = { slots: BATCH, slotBytes: SLOT_BYTES, first: FIRST_BATCH };
    this.#batch = new MessageBatch({ ...size, memory, memoryOffset });
  }

  receive(): number {
    return this.#batch.receive(this.fd);
  }
  get more(): boolean {
    return this.#batch.more;
  }
  slotOffset(i: number): number {
    return this.#batch.slotOffset(i);
  }
  frameBytes(i: number): number {
    if (this.#batch.packetType(i) !== PACKET_HOST || this.#batch.truncated(i)) return 0;
    return this.#batch.receivedBytes(i) - VNET_HEADER_BYTES;
  }
  refusal(i: number): number {
    return this.#batch.truncated(i) ? DROP.truncated : DROP.notForUs;
  }
  get queue(): QueueCounts {
    return this.#socket;
  }
  drops(): number {
    this.#socket.count();
    return this.#socket.dropped;
  }
}
