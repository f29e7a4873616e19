/**
 * `deno run -A wire_tap.ts DEVICE in|out`: prints the IPv4 packets that come in from a device or go
 * out to it, as one JSON object a line, until it is ended. The first line is `"tapping"`.
 *
 * A program of its own, since a packet socket belongs to the network namespace of its process.
 */
import { MessageBatch } from "../../../lib/linux/message_batch.ts";
import { openPacketSocket } from "../../../lib/linux/packet_socket.ts";
import { waitReadable } from "../../../lib/linux/poll.ts";
import { RouteNetlink } from "../../../lib/linux/rtnetlink.ts";

/** A packet as it passed a device, with what the kernel says of it in its virtio_net_hdr. */
export interface TappedPacket {
  /** The IP packet. */
  readonly hex: string;
  /** The field of its TCP or UDP checksum holds the sum of the pseudo-header alone. */
  readonly partial: boolean;
  /** It is to be cut into segments of so many bytes of payload; 0: it is not. */
  readonly segmentBytes: number;
}

const PACKET_HOST = 0;
const PACKET_OUTGOING = 4;
const ETH_P_ALL = 3;
const ETH_P_IP = 0x0800;
const VNET_HEADER_BYTES = 10;
const ETHERNET_HEADER_BYTES = 14;
const RECEIVE_BUFFER_BYTES = 64 * 1024 * 1024;

if (import.meta.main) {
  const [device = "", direction = ""] = Deno.args;
  await tap(device, direction === "out" ? PACKET_OUTGOING : PACKET_HOST);
}

async function tap(device: string, type: number): Promise<void> {
  const link = new RouteNetlink().link(device);
  if (link === undefined) throw new Error(`No device "${device}"`);
  const socket = openPacketSocket({
    interfaceIndex: link.index,
    protocol: ETH_P_ALL,
    vnetHeader: true,
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
  });
  const batch = new MessageBatch();
  const headerBytes = link.linkLayerAddress.length === 6 ? ETHERNET_HEADER_BYTES : 0;
  console.log(JSON.stringify("tapping"));
  for (;;) {
    await waitReadable(socket.fd.number, 1_000);
    for (let left = batch.receive(socket.fd.number); left > 0;) {
      for (let i = 0; i < left; i++) {
        if (batch.packetType(i) !== type || batch.truncated(i)) continue;
        const frame = new Uint8Array(batch.buffer, batch.slotOffset(i), batch.receivedBytes(i));
        const packet = readFrame(frame, headerBytes);
        if (packet !== null) console.log(JSON.stringify(packet));
      }
      left = batch.receive(socket.fd.number);
    }
  }
}

function readFrame(frame: Uint8Array, headerBytes: number): TappedPacket | null {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const start = VNET_HEADER_BYTES + headerBytes;
  if (headerBytes > 0 && view.getUint16(start - 2) !== ETH_P_IP) return null;
  if (view.getUint8(start) >> 4 !== 4) return null;
  return {
    // Without what pads a short Ethernet frame.
    hex: frame.subarray(start, start + view.getUint16(start + 2)).toHex(),
    partial: (view.getUint8(0) & 1) !== 0,
    segmentBytes: view.getUint8(1) === 0 ? 0 : view.getUint16(4, true),
  };
}
