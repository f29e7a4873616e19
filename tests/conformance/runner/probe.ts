/**
 * `deno run -A probe.ts SOCKET DEVICE…`: puts packets onto the devices of a network namespace, and hands over those
 * that arrive. It listens on a unix socket, one JSON object a line, one answer to each.
 *
 * A program of its own, since a packet socket belongs to the network namespace of its process.
 */
import { ETH_P_ALL } from "../../../lib/linux/constants.ts";
import { lastErrno, LinuxError } from "../../../lib/linux/error.ts";
import { openLibc } from "../../../lib/linux/libc.ts";
import { MessageBatch } from "../../../lib/linux/message_batch.ts";
import { openPacketSocket, type PacketSocket } from "../../../lib/linux/packet_socket.ts";
import { waitReadable } from "../../../lib/linux/poll.ts";
import { RouteNetlink } from "../../../lib/linux/rtnetlink.ts";

export type ProbeRequest =
  /** A frame, or a packet where the device has no link layer. */
  | { readonly send: SentFrame[] }
  /** The packets so far, once one that ends in `until` (hexadecimal) is among them. */
  | { readonly collect: true; readonly until?: string; readonly timeoutMs: number };

export interface SentFrame {
  readonly device: string;
  readonly hex: string;
  /** Where the checksum that is left to the device begins, and where its field is; from the frame's start. */
  readonly partial?: readonly [start: number, offset: number];
}

export interface CollectedFrame {
  readonly device: string;
  /** The MAC address that it came from. */
  readonly from: string;
  /** From the IP header on, without padding. */
  readonly hex: string;
  readonly partial: boolean;
  readonly segmentBytes: number;
}

const PACKET_HOST = 0;
const VNET_HEADER_BYTES = 10;
const ETHERNET_HEADER_BYTES = 14;
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;

class Probe {
  readonly #sockets: { device: string; socket: PacketSocket }[];
  readonly #senders = new Map<string, PacketSocket>();
  readonly #batch = new MessageBatch();
  readonly #netlink = new RouteNetlink();
  #collected: CollectedFrame[] = [];

  constructor(devices: readonly string[]) {
    this.#sockets = devices.map((device) => ({ device, socket: this.#open(device, ETH_P_ALL) }));
  }

  async answer(request: ProbeRequest): Promise<unknown> {
    if ("send" in request) {
      for (const frame of request.send) this.#send(frame);
      return {};
    }
    const deadline = performance.now() + request.timeoutMs;
    for (;;) {
      for (const { device, socket } of this.#sockets) this.#drain(device, socket.fd.number);
      const { until } = request;
      if (until === undefined || this.#collected.some(({ hex }) => hex.endsWith(until))) break;
      if (performance.now() > deadline) break;
      if (this.#sockets.length === 1) await waitReadable(this.#sockets[0]!.socket.fd.number, 10);
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const frames = this.#collected;
    this.#collected = [];
    return { frames };
  }

  #send({ device, hex, partial }: SentFrame): void {
    const frame = Uint8Array.fromHex(hex);
    const bytes = new Uint8Array(VNET_HEADER_BYTES + frame.length);
    bytes.set(frame, VNET_HEADER_BYTES);
    if (partial !== undefined) {
      const view = new DataView(bytes.buffer);
      view.setUint8(0, 1);
      view.setUint16(6, partial[0], true);
      view.setUint16(8, partial[1], true);
    }
    let socket = this.#senders.get(device);
    if (socket === undefined) {
      socket = this.#open(device, frame[0]! >>> 4 === 6 ? 0x86dd : 0x0800, true);
      this.#senders.set(device, socket);
    }
    const sent = openLibc().sendto(socket.fd.number, bytes, BigInt(bytes.length), 0, null, 0);
    const errno = lastErrno();
    if (sent < 0) throw new LinuxError(`send to "${device}"`, errno, { call: "sendto" });
  }

  #open(device: string, protocol: number, sender = false): PacketSocket {
    const link = this.#netlink.link(device);
    if (link === undefined) throw new Error(`No device "${device}"`);
    return openPacketSocket({
      interfaceIndex: link.index,
      // A tun device carries both families, under the protocol that the socket is bound to.
      protocol: sender && link.linkLayerAddress.length === 6 ? 0 : protocol,
      vnetHeader: true,
      ignoreOutgoing: true,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    });
  }

  #drain(device: string, fd: number): void {
    const batch = this.#batch;
    for (let count = batch.receive(fd); count > 0; count = batch.receive(fd)) {
      for (let i = 0; i < count; i++) {
        if (batch.packetType(i) !== PACKET_HOST || batch.truncated(i)) continue;
        const bytes = new Uint8Array(batch.buffer, batch.slotOffset(i), batch.receivedBytes(i));
        const frame = readFrame(device, bytes);
        if (frame !== null) this.#collected.push(frame);
      }
    }
  }
}

function readFrame(device: string, bytes: Uint8Array): CollectedFrame | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = VNET_HEADER_BYTES + ETHERNET_HEADER_BYTES;
  const type = view.getUint16(start - 2);
  if (type !== 0x0800 && type !== 0x86dd) return null;
  const length = type === 0x0800 ? view.getUint16(start + 2) : 40 + view.getUint16(start + 4);
  return {
    device,
    from: bytes.subarray(VNET_HEADER_BYTES + 6, VNET_HEADER_BYTES + 12).toHex(),
    hex: bytes.subarray(start, start + length).toHex(),
    partial: (view.getUint8(0) & 1) !== 0,
    segmentBytes: view.getUint8(1) === 0 ? 0 : view.getUint16(4, true),
  };
}

if (import.meta.main) {
  const [path = "", ...devices] = Deno.args;
  const probe = new Probe(devices);
  using listener = Deno.listen({ transport: "unix", path });
  console.log("ready");
  for await (const connection of listener) {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const part of connection.readable) {
      const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const answer = await probe.answer(JSON.parse(line));
        await connection.write(new TextEncoder().encode(JSON.stringify(answer) + "\n"))
          .catch(() => {});
      }
    }
  }
}
