import type { Mapping } from "../linux/memory.ts";
import { TunBatch } from "../linux/tun.ts";
import { DROP } from "../session/drop_reason.ts";
import { shift } from "../wire/virtio_net_header.ts";
import { IPV6_HEADER_BYTES } from "../wire/ipv6.ts";
import { ETHERNET_HEADER_BYTES, IP_OFFSET, type PacketSource } from "./engine.ts";
import { BATCH, SLOT_BYTES } from "./packet_source.ts";

const IPV6_DESTINATION = 24;

/**
 * Packets that the host routes into a tun device, laid out like frames: room for the Ethernet
 * header is left before the packet, and the virtio_net header counts from there.
 */
export class TunSource implements PacketSource {
  readonly fd: number;
  readonly #batch: TunBatch;
  readonly #view: DataView;

  /** Uses {@linkcode BATCH} slots of `memory` from `memoryOffset` on. */
  constructor(fd: number, memory: Mapping, memoryOffset: number) {
    this.fd = fd;
    this.#batch = new TunBatch({ slots: BATCH, slotBytes: SLOT_BYTES, memory, memoryOffset });
    this.#view = new DataView(memory.buffer);
  }

  receive(): number {
    const count = this.#batch.receive(this.fd);
    for (let i = 0; i < count; i++) {
      shift(this.#view, this.#batch.slotOffset(i), ETHERNET_HEADER_BYTES);
    }
    return count;
  }
  get more(): boolean {
    return this.#batch.more;
  }
  slotOffset(i: number): number {
    return this.#batch.slotOffset(i);
  }
  frameBytes(i: number): number {
    const ipBytes = this.#batch.receivedBytes(i);
    return ipBytes > 0 && !this.#isToGroup(i, ipBytes) ? ETHERNET_HEADER_BYTES + ipBytes : 0;
  }
  refusal(i: number): number {
    return this.#batch.receivedBytes(i) > 0 ? DROP.notForUs : DROP.truncated;
  }
  drops(): number {
    return 0;
  }

  /** A host that forwards IPv6 reports its multicast groups by every interface, unasked (RFC 3810). */
  #isToGroup(i: number, ipBytes: number): boolean {
    const ip = this.#batch.slotOffset(i) + IP_OFFSET;
    return ipBytes >= IPV6_HEADER_BYTES && this.#view.getUint8(ip) >>> 4 === 6 &&
      this.#view.getUint8(ip + IPV6_DESTINATION) === 0xff;
  }
}
