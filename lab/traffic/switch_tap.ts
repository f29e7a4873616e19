import { MessageBatch } from "../../lib/linux/message_batch.ts";
import { openPacketSocket, type PacketSocket } from "../../lib/linux/packet_socket.ts";
import { waitReadable } from "../../lib/linux/poll.ts";
import { RouteNetlink } from "../../lib/linux/rtnetlink.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../../lib/wire/protocol.ts";
import { announce } from "./program.ts";

export interface SwitchTapArguments {
  readonly device: string;
  readonly vip: string;
  /** Where the server program listens: other packets are none of its sessions'. */
  readonly port: number;
  /** The criterion: that many IP bytes or packets of one session. */
  readonly bytes: number;
  readonly packets: number;
}

/** One line for each session whose responses began to leave directly. */
export interface SwitchSeen {
  readonly event: "switched";
  /** From the packet that met the criterion to the first one with the VIP as its source. */
  readonly ms: number;
  /** Packets of the session that still went to the NAT machine between the two. */
  readonly between: number;
}

const ETH_P_ALL = 3;
const ETH_P_IP = 0x0800;
const PACKET_OUTGOING = 4;
const ETHERNET_HEADER_BYTES = 14;
/** Headers are enough. */
const SNAP_BYTES = 128;
const RECEIVE_BUFFER_BYTES = 64 * 1024 * 1024;

/** The session whose responses go to the NAT machine. */
interface Watched {
  readonly key: string;
  bytes: number;
  packets: number;
  /** When the criterion was met; NaN before. */
  metMs: number;
  between: number;
}

/**
 * `switch-tap --device D --vip ADDRESS`: watches what leaves a server, and tells how long each session took from
 * meeting the criterion to its first packet sent directly, by the kernel's own time stamps. Sessions
 * come one after another.
 */
export async function switchTap(args: SwitchTapArguments): Promise<number> {
  const link = new RouteNetlink().link(args.device);
  if (link === undefined) throw new Error(`Cannot watch "${args.device}": no such device`);
  const socket = openPacketSocket({
    interfaceIndex: link.index,
    protocol: ETH_P_ALL,
    vnetHeader: false,
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
  });
  // From now on the kernel takes the time of each frame.
  socket.stampMs();
  const watch = new SwitchWatch(args);
  announce({ event: "listening", addresses: [args.device] });
  const batch = new MessageBatch({ slots: 1, slotBytes: SNAP_BYTES });
  for (;;) {
    await waitReadable(socket.fd.number, 1_000);
    while (batch.receive(socket.fd.number) > 0) look(batch, socket, watch);
  }
}

function look(batch: MessageBatch, socket: PacketSocket, watch: SwitchWatch): void {
  if (batch.packetType(0) !== PACKET_OUTGOING) return;
  const frame = new DataView(batch.buffer, batch.slotOffset(0), SNAP_BYTES);
  if (frame.getUint16(12) !== ETH_P_IP) return;
  const packet = new DataView(batch.buffer, batch.slotOffset(0) + ETHERNET_HEADER_BYTES);
  const protocol = packet.getUint8(9);
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return;
  const seen = watch.packet(packet, socket.stampMs());
  if (seen !== null) announce(seen);
}

/** Pure: packets and their times in, switches out. */
export class SwitchWatch {
  readonly #options: SwitchTapArguments;
  readonly #vip: number;
  #watched: Watched | null = null;
  /** Sessions told of: one that returns to the NAT machine and leaves it again is told of once. */
  readonly #told = new Set<string>();

  constructor(options: SwitchTapArguments) {
    this.#options = options;
    this.#vip = options.vip.split(".").reduce((word, part) => word * 256 + Number(part), 0);
  }

  /** An IPv4 packet that leaves the server. */
  packet(packet: DataView, atMs: number): SwitchSeen | null {
    const headerBytes = (packet.getUint8(0) & 15) * 4;
    const destination = `${packet.getUint32(16)}:${packet.getUint16(headerBytes + 2)}`;
    if (packet.getUint32(12) !== this.#vip) {
      if (packet.getUint16(headerBytes) !== this.#options.port) return null;
      this.#viaNat(destination, packet.getUint16(2), atMs);
      return null;
    }
    const watched = this.#watched;
    if (watched === null || Number.isNaN(watched.metMs) || this.#told.has(watched.key)) return null;
    this.#told.add(watched.key);
    return { event: "switched", ms: atMs - watched.metMs, between: watched.between };
  }

  #viaNat(key: string, lengthBytes: number, atMs: number): void {
    if (this.#watched?.key !== key) {
      this.#watched = { key, bytes: 0, packets: 0, metMs: NaN, between: 0 };
    }
    const watched = this.#watched;
    watched.bytes += lengthBytes;
    watched.packets++;
    if (!Number.isNaN(watched.metMs)) watched.between++;
    else if (watched.bytes >= this.#options.bytes || watched.packets >= this.#options.packets) {
      watched.metMs = atMs;
    }
  }
}
