/** For the tests of this folder: frames, and sockets with the memory they need. */
import assert from "node:assert/strict";
import { inNamespace, makeVethPair } from "../../tests/support/namespace.ts";
import { ETH_P_IP } from "./constants.ts";
import { MessageBatch, SendQueue } from "./message_batch.ts";
import { openPacketSocket, type PacketSocketOptions } from "./packet_socket.ts";

/** What the tests with namespaces need. */
export const ROOT = { capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"] } as const;
export const ETHERNET_BYTES = 14;
const VNET_BYTES = 10;

/** A socket with the memory to receive into and to send from. */
export class End implements Disposable {
  readonly socket;
  readonly batch = new MessageBatch({ slots: 64, slotBytes: 66 * 1024 });
  readonly #outgoing = new MessageBatch({ slots: 64 });
  readonly queue = new SendQueue(this.#outgoing.mapping, { capacity: 64 });

  constructor(readonly options: PacketSocketOptions) {
    this.socket = openPacketSocket(options);
  }

  send(frames: Uint8Array[]): number {
    frames.forEach((frame, i) => {
      const offset = this.#outgoing.slotOffset(i);
      new Uint8Array(this.#outgoing.buffer).set(frame, offset);
      this.queue.push(offset, frame.length);
    });
    return this.queue.flush(this.socket.fd.number);
  }

  receive(): Uint8Array[] {
    const count = this.batch.receive(this.socket.fd.number);
    assert.ok(count >= 0, `receive() returned ${count}`);
    return Array.from({ length: count }, (_, i) => {
      const start = this.batch.slotOffset(i);
      return new Uint8Array(this.batch.buffer).slice(start, start + this.batch.receivedBytes(i));
    });
  }

  [Symbol.dispose](): void {
    this.socket.close();
    this.batch[Symbol.dispose]();
    this.queue[Symbol.dispose]();
    this.#outgoing[Symbol.dispose]();
  }
}

/** A sending end on `va` and a receiving end on `vb`, in a namespace of their own. */
export async function inVethPair(
  fn: (sender: End, receiver: End) => void | Promise<void>,
  options: Partial<PacketSocketOptions> = {},
): Promise<void> {
  await inNamespace(async () => {
    const [a, b] = await makeVethPair("va", "vb");
    const { sendBufferBytes, ...receiving } = options;
    const vnetHeader = options.vnetHeader ?? false;
    const sending = sendBufferBytes === undefined ? {} : { sendBufferBytes };
    using sender = new End({ interfaceIndex: a, protocol: 0, vnetHeader, ...sending });
    using receiver = new End({
      interfaceIndex: b,
      protocol: ETH_P_IP,
      vnetHeader,
      ...receiving,
    });
    await fn(sender, receiver);
  });
}

/** A frame to a MAC address that is nobody's. */
export function makeFrame(
  lengthBytes: number,
  options: { type: number; mark?: number },
): Uint8Array {
  const frame = new Uint8Array(lengthBytes).fill(0xa5);
  frame.set([0x02, 0, 0, 0, 0, 0x99, 0x02, 0, 0, 0, 0, 1]);
  frame.set([options.type >> 8, options.type & 0xff, options.mark ?? 0], 12);
  return frame;
}

/** virtio_net header and a TCP frame that the kernel would have to cut up for a real wire. */
export function makeSuperPacket(payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(VNET_BYTES + ETHERNET_BYTES + 20 + 20 + payloadBytes).fill(0x5a);
  const view = new DataView(frame.buffer);
  view.setUint8(0, 1); // NEEDS_CSUM
  view.setUint8(1, 1); // GSO TCPV4
  view.setUint16(2, ETHERNET_BYTES + 40, true); // hdr_len
  view.setUint16(4, 1448, true); // gso_size
  view.setUint16(6, ETHERNET_BYTES + 20, true); // csum_start
  view.setUint16(8, 16, true); // csum_offset
  frame.set(makeFrame(ETHERNET_BYTES + 1, { type: ETH_P_IP }), VNET_BYTES);
  const ip = VNET_BYTES + ETHERNET_BYTES;
  frame.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], ip);
  view.setUint16(ip + 2, 40 + payloadBytes);
  view.setUint8(ip + 20 + 12, 0x50); // data offset
  return frame;
}
