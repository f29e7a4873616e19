import { check } from "../../../lib/wire/virtio_net_header.ts";
import { Packet } from "../../../lib/wire/packet.ts";
import { PARSED, UNKNOWN_PROTOCOL } from "../../../lib/wire/reason.ts";
import { FENCE } from "./bytes_target.ts";
import { hex } from "./fuzz.ts";

/** A packet on its way: its bytes from the IP header on, and the virtio_net_hdr that goes with it. */
export interface Flying {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly vnet: Uint8Array<ArrayBuffer>;
}

/** Offset of the IP header in a slot: virtio_net_hdr and Ethernet header come first. */
const IP_OFFSET = 24;
const FENCE_BYTES = 64;
const ETHERNET_BYTES = 14;

/** A slot of an engine's memory, with fences around it; does with a packet what `RawEngine` does. */
export class Slot {
  readonly packet = new Packet();
  readonly #memory = new Uint8Array(2 * FENCE_BYTES + 66 * 1024).fill(FENCE);
  readonly at = FENCE_BYTES;
  #givenBytes = 0;

  constructor() {
    this.packet.attach(this.#memory.buffer);
  }

  /** Puts a packet in, and parses it: 0, or why it goes no further. */
  receive({ bytes, vnet }: Flying): number {
    const memory = this.#memory;
    const start = this.at + IP_OFFSET;
    memory.fill(FENCE, start + bytes.length, start + bytes.length + FENCE_BYTES);
    memory.set(vnet, this.at);
    memory.fill(FENCE, this.at + 10, start);
    memory.set(bytes, start);
    this.#givenBytes = bytes.length;
    const { packet } = this;
    if (bytes.length === 0) return 1;
    const reason = packet.parse(start, bytes.length);
    if (reason !== PARSED && reason !== UNKNOWN_PROTOCOL) return reason;
    return check(packet.view, this.at, ETHERNET_BYTES + bytes.length, packet);
  }

  /** The bytes that would be sent now. */
  get bytes(): Uint8Array<ArrayBuffer> {
    const start = this.at + IP_OFFSET;
    return this.#memory.subarray(start, start + this.packet.totalBytes);
  }

  get vnet(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(this.at, this.at + 10);
  }

  /** @throws {Error} when a byte changed that is not the packet's */
  checkFences(input: Flying, totalBytes: number): void {
    const memory = this.#memory;
    for (let i = 0; i < FENCE_BYTES; i++) {
      if (memory[i] !== FENCE) throw new Error("wrote before the slot");
    }
    const start = this.at + IP_OFFSET;
    for (let i = this.at + 10; i < start; i++) {
      if (memory[i] !== FENCE) throw new Error("wrote to the Ethernet header");
    }
    for (let i = totalBytes; i < this.#givenBytes; i++) {
      if (memory[start + i] !== input.bytes[i]) throw new Error("wrote to the frame's padding");
    }
    const end = start + this.#givenBytes;
    for (let i = 0; i < FENCE_BYTES; i++) {
      if (memory[end + i] !== FENCE) throw new Error("wrote behind the packet");
    }
  }
}

export function flyingText({ bytes, vnet }: Flying): string {
  return `${hex(vnet)} ${hex(bytes)}`;
}
