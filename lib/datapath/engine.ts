import type { Packet } from "../wire/packet.ts";
import type { QueueCounts } from "./queue_wait.ts";

/**
 * Where packets lie while an engine works on them: a slot begins with the virtio_net_hdr, the
 * Ethernet header follows, then the IP packet. Whoever fills a slot leaves room for all three.
 */
export const VNET_HEADER_BYTES = 10;
export const ETHERNET_HEADER_BYTES = 14;
export const IP_OFFSET = VNET_HEADER_BYTES + ETHERNET_HEADER_BYTES;

/** Sends what a handler made itself; the engine is one. */
export interface PacketSender {
  /**
   * Copies an IP packet with its checksums filled in, to be sent with the batch that is being worked on.
   *
   * While the link address of the next hop is being asked for it waits, for a moment.
   *
   * @returns false when it cannot be sent: no room is left in this batch, or it is larger than the link
   */
  emit(packet: Uint8Array, hop: number): boolean;
  /**
   * Sends a packet that the handler has kept, right after the one that it is handling.
   *
   * @param slot where it lies in the engine's memory, laid out like any other; it stays as it is
   * until the handler's next `maintain`
   */
  follow(slot: number, packetBytes: number, hop: number): void;
}

/** A verdict: the handler has kept the packet and will send it, or count it as dropped, later. */
export const KEPT = -0x7fffffff;

/** A verdict: another packet worker has the packet now; it is received there once more. */
export const HANDED = -0x7ffffffe;

/** Gets ready for a batch of packets. */
export interface PacketForesight {
  /** Whether it is worth the while, for this batch. */
  readonly pays: boolean;
  /** One IP packet at this offset; at least 64 bytes from there on may be read. */
  look(view: DataView, at: number): void;
  /** That were all. */
  fetch(): void;
}

/** What decides about packets; pure given time. The engine moves them. */
export interface PacketHandler {
  /**
   * Shown the packets of a batch, as bytes that nobody has checked, before the first of them is
   * handled; absent: it has no use for that.
   */
  readonly foresight?: PacketForesight;
  /**
   * Decides about one parsed packet and changes it in place. The packet is the handler's until it
   * returns; the bytes are sent from where they lie. Of a packet whose protocol is not one that is
   * parsed (`UNKNOWN_PROTOCOL`) only the fields of the IP layer are valid.
   *
   * @param slot offset of the packet's slot in the buffer
   * @returns the next hop (positive), 0 when nothing is left to do, KEPT, HANDED, or a drop reason, negated
   */
  handle(packet: Packet, slot: number, nowMs: number): number;
  /** `maintain` has more to do, and is to be called again soon; default: it has not. */
  readonly busy?: boolean;
  /** Called between batches, at least every {@linkcode MAINTENANCE_MS}; must be quick. */
  maintain(nowMs: number): void;
}

/** Where packets come from; fills slots. */
export interface PacketSource {
  /** To wait on. */
  readonly fd: number;
  /** Takes what is there without waiting: how many packets, or a negative errno. */
  receive(): number;
  /** Whether the last `receive` may have left some; else there is no need to ask before `fd` is ready. */
  readonly more: boolean;
  /** Offset of packet i's slot. */
  slotOffset(i: number): number;
  /** Bytes of packet i from its Ethernet header on; 0 when it is not to be looked at. */
  frameBytes(i: number): number;
  /** Why `frameBytes` is 0: a drop reason. */
  refusal(i: number): number;
  /** What is counted of the queue that it takes from; absent: nobody counts that. */
  readonly queue?: QueueCounts;
  /** Packets that the kernel dropped because nobody took them in time, since the start. */
  drops(): number;
}

/**
 * Sees what an engine moves, before and after; there only while somebody captures. It looks, and changes
 * nothing. Offsets are those of slots; frames are counted from their Ethernet header on.
 */
export interface PacketTap {
  /** A frame has come from a source, as the engine counts them, and nothing has happened to it yet. */
  arrived(source: number, slot: number, frameBytes: number): void;
  /** What became of it: a verdict as of `PacketHandler.handle`, or why it was not even handed over. */
  decided(verdict: number): void;
  /** A frame leaves by an output; `own`: nobody sent it to us. */
  leaving(output: number, slot: number, frameBytes: number, own: boolean): void;
  /** A frame that was to be forwarded does not leave after all. */
  lost(slot: number, frameBytes: number, reason: number): void;
}

/** How long the engine sleeps at most when nothing arrives. */
export const MAINTENANCE_MS = 50;
