import { IP_OFFSET, KEPT, type PacketSender } from "../datapath/engine.ts";
import { DROP } from "../session/drop_reason.ts";
import { FRAGMENT } from "../session/fragment_verdict.ts";
import { FragmentTracker } from "../session/fragment_tracker.ts";
import { F64, U16, U8 } from "../session/layout.ts";
import { type ServiceTraffic, trafficKey } from "../session/service_traffic.ts";
import type { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED } from "../wire/reason.ts";
import { isEchoRequest, turnEcho } from "../wire/icmp_echo.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { setIdentification } from "../wire/rewrite.ts";
import type { Hops } from "./hops.ts";
import type { LastSession } from "./last_session.ts";
import type { SessionRewriter } from "./session_rewriter.ts";

/** Fragments held at once, until the first one of their datagram has come. */
export const HELD_FRAGMENTS = 512;
/** Room for one, with its headers: jumbo frames included. */
export const HELD_FRAGMENT_BYTES = 9 * 1024 + 256;

/** Memory for fragments that are held, in the buffer that the engine sends from. */
export interface FragmentMemory {
  readonly buffer: ArrayBuffer;
  /** Where slot i begins: `offset + i * HELD_FRAGMENT_BYTES`. */
  readonly offset: number;
}

export interface FragmentTranslatorOptions {
  readonly table: SessionTable;
  readonly rewriter: SessionRewriter;
  readonly traffic: ServiceTraffic;
  readonly hops: Hops;
  readonly sender: PacketSender;
  readonly memory: FragmentMemory;
  readonly key: readonly [number, number];
  /** Translates the first fragment, which has the ports, like any packet: its next hop. */
  readonly translateFirst: (packet: Packet, vnetOffset: number, nowMs: number) => number;
  /** Answers the first fragment of an echo request to a VIP: 0 when it has, or a reason, negated. */
  readonly answerEcho: (packet: Packet, vnetOffset: number, nowMs: number) => number;
  /** Cuts a fragment that is too large for its next link, and sends all but the first part of it. */
  readonly cut: (packet: Packet, hop: number) => void;
  /** The session that `translateFirst` found last, and the one that a later fragment belongs to. */
  readonly last: LastSession;
}

// An owner is a session's slot, its direction, and seven bits of its number: the slot may belong to
// another session by the time a late fragment comes.
const OUTBOUND = 1;
const ID_BITS = 0x7f;
/** Owns the fragments of echo requests: slot 0, which is no session's. */
const ECHO = 0;

/**
 * Translates fragments without reassembling their datagrams: the first one shows the ports and finds
 * the session, the others follow it; those that come before it are held for a moment.
 */
export class FragmentTranslator {
  readonly #options: FragmentTranslatorOptions;
  readonly #tracker: FragmentTracker;
  readonly #bytes: Uint8Array;
  readonly #held = new Packet();
  #lost = 0;
  /** Held, handed out, and not to be sent: too large to have been kept, or their hop limit is used up. */
  #unsent = 0;

  constructor(options: FragmentTranslatorOptions) {
    this.#options = options;
    this.#tracker = new FragmentTracker({ key: options.key, held: HELD_FRAGMENTS });
    this.#bytes = new Uint8Array(options.memory.buffer);
    this.#held.attach(options.memory.buffer);
  }

  /** As PacketHandler.handle, for a packet with `isFragment`. */
  handle(packet: Packet, vnetOffset: number, nowMs: number): number {
    const verdict = this.#tracker.track(packet, nowMs);
    if (verdict >= 0) return this.#later(packet, verdict, nowMs);
    if (verdict === FRAGMENT.held) return this.#hold(packet, vnetOffset);
    if (verdict === FRAGMENT.first) return this.#first(packet, vnetOffset, nowMs);
    return -DROP.fragment;
  }

  /** Ends what waited too long; to be called between batches. Returns how many held ones were lost. */
  expire(nowMs: number): number {
    this.#tracker.expire(nowMs);
    const lost = this.#tracker.counts.heldLost + this.#unsent - this.#lost;
    this.#lost += lost;
    return lost;
  }

  #first(packet: Packet, vnetOffset: number, nowMs: number): number {
    if (isEchoRequest(packet)) return this.#firstOfEcho(packet, vnetOffset, nowMs);
    // Errors are short (RFC 1812, 4.3.2.3); one in fragments is nobody's.
    if (packet.protocol !== PROTOCOL_TCP && packet.protocol !== PROTOCOL_UDP) return -DROP.fragment;
    const { translateFirst, last, rewriter } = this.#options;
    const hop = translateFirst(packet, vnetOffset, nowMs);
    if (hop <= 0) return hop;
    const { slot, fromClient } = last;
    const identification = rewriter.identify(packet, nowMs);
    this.#tracker.own(this.#ownerOf(slot, fromClient), identification);
    setIdentification(packet, identification);
    for (let at = this.#nextHeld(); at >= 0; at = this.#nextHeld()) {
      if (this.#held.hopLimit <= 1) {
        this.#unsent++;
        continue;
      }
      this.#translate(this.#held, slot, fromClient, nowMs);
      setIdentification(this.#held, identification);
      this.#options.cut(this.#held, hop);
      this.#options.sender.follow(at, this.#held.totalBytes, hop);
    }
    return hop;
  }

  #firstOfEcho(packet: Packet, vnetOffset: number, nowMs: number): number {
    const hop = this.#options.hops.toAddress(packet.addresses, 0);
    const { identification } = packet;
    const verdict = this.#options.answerEcho(packet, vnetOffset, nowMs);
    if (verdict !== 0) return verdict;
    this.#tracker.own(ECHO, identification);
    for (let at = this.#nextHeld(); at >= 0; at = this.#nextHeld()) {
      turnEcho(this.#held, false);
      this.#options.sender.follow(at, this.#held.totalBytes, hop);
    }
    return 0;
  }

  /** Where the next fragment lies that was held for the datagram owned last, parsed; or -1. */
  #nextHeld(): number {
    for (let i = this.#tracker.nextHeld(); i >= 0; i = this.#tracker.nextHeld()) {
      const at = this.#slotOffset(i);
      const length = (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
      this.#bytes.fill(0, at, at + IP_OFFSET);
      if (this.#held.parse(at + IP_OFFSET, length) === PARSED) return at;
      this.#unsent++;
    }
    return -1;
  }

  #later(packet: Packet, owner: number, nowMs: number): number {
    if (owner === ECHO) {
      const hop = this.#options.hops.toAddress(packet.addresses, 0);
      turnEcho(packet, false);
      return hop === 0 ? -DROP.noRoute : hop;
    }
    const slot = (owner >> 1) & 0x7fffff;
    const fromClient = (owner & OUTBOUND) === 0;
    if (this.#ownerOf(slot, fromClient) !== owner) return -DROP.noSession;
    const { rewriter, last } = this.#options;
    last.slot = slot;
    last.fromClient = fromClient;
    const hop = fromClient ? rewriter.serverHop(slot) : rewriter.clientHop(slot);
    if (hop === 0) return -DROP.noRoute;
    if (packet.hopLimit <= 1) return -DROP.hopLimit;
    this.#translate(packet, slot, fromClient, nowMs);
    setIdentification(packet, this.#tracker.identification);
    this.#options.cut(packet, hop);
    return hop;
  }

  #translate(packet: Packet, slot: number, fromClient: boolean, nowMs: number): void {
    const { rewriter, table, traffic } = this.#options;
    const [packets, bytes] = fromClient
      ? [F64.packetsFromClient, F64.bytesFromClient] as const
      : [F64.packetsViaNat, F64.bytesViaNat] as const;
    table.addF64(slot, packets, 1);
    table.addF64(slot, bytes, packet.totalBytes);
    const key = trafficKey(table.getU16(slot, U16.vip), table.getU8(slot, U8.protocol));
    if (fromClient) {
      traffic.fromClient(key, 1, packet.totalBytes);
      rewriter.toServer(packet, slot, false, nowMs);
    } else {
      traffic.viaNat(key, 1, packet.totalBytes);
      rewriter.toClient(packet, slot, false, nowMs);
    }
  }

  /**
   * Keeps a fragment's bytes; the length stands where the virtio_net_hdr will be. Of one that is too
   * large the slot is kept, empty: the tracker counts on it, and what lay there before is another's.
   */
  #hold(packet: Packet, vnetOffset: number): number {
    const fits = IP_OFFSET + packet.totalBytes <= HELD_FRAGMENT_BYTES;
    const length = fits ? packet.totalBytes : 0;
    const at = this.#slotOffset(this.#tracker.heldSlot);
    const from = vnetOffset + IP_OFFSET;
    this.#bytes.set(packet.bytes.subarray(from, from + length), at + IP_OFFSET);
    this.#bytes[at] = length >> 8;
    this.#bytes[at + 1] = length & 0xff;
    return KEPT;
  }

  #slotOffset(i: number): number {
    return this.#options.memory.offset + i * HELD_FRAGMENT_BYTES;
  }

  #ownerOf(slot: number, fromClient: boolean): number {
    const { table } = this.#options;
    if (table.getU8(slot, U8.state) === STATE.free) return -1;
    const id = table.getF64(slot, F64.id) & ID_BITS;
    return (id << 24) | (slot << 1) | (fromClient ? 0 : OUTBOUND);
  }
}
