import type { Mapping } from "../linux/memory.ts";
import { signalEventFd } from "../linux/event_fd.ts";
import { DROP } from "../session/drop_reason.ts";
import { type PacketSource, VNET_HEADER_BYTES } from "./engine.ts";
import { SLEEPING } from "./packet_thread_end.ts";
import { PacketRing } from "./packet_ring.ts";
import { BATCH, SLOT_BYTES } from "./packet_source.ts";

/** Another packet worker, as far as one that hands it packets has to know it. */
export interface Peer {
  readonly signals: SharedArrayBuffer;
  readonly bell: number;
}

export interface PacketExchangeOptions {
  /** This worker's number. */
  readonly worker: number;
  /** Rings by sender and receiver; a worker has one to itself, too. */
  readonly rings: readonly (readonly SharedArrayBuffer[])[];
  /** By number. */
  readonly peers: readonly Peer[];
  /** Where packets that are taken lie: {@linkcode BATCH} slots of this memory from the offset on. */
  readonly memory: Mapping;
  readonly memoryOffset: number;
}

/** What the packet workers of a daemon hand each other, as one of them sees it: a source of packets. */
export class PacketExchange implements PacketSource {
  readonly fd: number;
  readonly #out: readonly PacketRing[];
  readonly #in: readonly PacketRing[];
  readonly #peers: readonly { readonly signals: Int32Array; readonly bell: number }[];
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  readonly #lengths = new Int32Array(BATCH);
  readonly #links = new Uint8Array(BATCH);

  constructor({ worker, rings, peers, memory, memoryOffset }: PacketExchangeOptions) {
    this.#out = rings[worker]!.map((buffer) => new PacketRing(buffer));
    this.#in = rings.map((from) => new PacketRing(from[worker]));
    this.#peers = peers.map(({ signals, bell }) => ({ signals: new Int32Array(signals), bell }));
    this.fd = peers[worker]!.bell;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#offset = memoryOffset;
  }

  /** Rings for so many workers. */
  static rings(workers: number): SharedArrayBuffer[][] {
    return Array.from(
      { length: workers },
      () => Array.from({ length: workers }, () => new PacketRing().buffer),
    );
  }

  /**
   * Hands a packet to a worker: laid out like a slot, virtio_net_hdr first.
   * @param link number of the interface that it came by
   * @returns false when too many wait there already
   */
  hand(
    worker: number,
    bytes: Uint8Array,
    offset: number,
    lengthBytes: number,
    link: number,
  ): boolean {
    if (!this.#out[worker]!.push(bytes, offset, lengthBytes, link)) return false;
    const { signals, bell } = this.#peers[worker]!;
    if (Atomics.load(signals, SLEEPING) === 1) signalEventFd(bell);
    return true;
  }

  /** Whether a slot is one of those that packets from other workers lie in. */
  has(slot: number): boolean {
    return slot >= this.#offset && slot < this.#offset + BATCH * SLOT_BYTES;
  }

  /** Number of the interface that the packet in a slot of {@linkcode has} came by, at whichever worker. */
  linkOf(slot: number): number {
    return this.#links[(slot - this.#offset) / SLOT_BYTES]!;
  }

  /** To be called before sleeping: what was handed over just before rang no bell. */
  wakeForWaiting(): void {
    if (this.more) signalEventFd(this.fd);
  }

  receive(): number {
    let count = 0;
    for (const ring of this.#in) {
      while (count < BATCH) {
        const lengthBytes = ring.shift(this.#bytes, this.slotOffset(count));
        if (lengthBytes === 0) break;
        this.#links[count] = ring.link;
        this.#lengths[count++] = lengthBytes;
      }
    }
    return count;
  }
  get more(): boolean {
    return this.#in.some((ring) => !ring.empty);
  }
  slotOffset(i: number): number {
    return this.#offset + i * SLOT_BYTES;
  }
  frameBytes(i: number): number {
    return this.#lengths[i]! - VNET_HEADER_BYTES;
  }
  refusal(_i: number): number {
    return DROP.truncated;
  }
  drops(): number {
    return 0;
  }
}
