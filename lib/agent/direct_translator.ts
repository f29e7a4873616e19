import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { rewrite } from "../wire/rewrite.ts";
import { limitSegments } from "../wire/segment_size.ts";
import { countedPackets, needsChecksum } from "../wire/virtio_net_header.ts";
import { ETHERNET_HEADER_BYTES } from "../datapath/engine.ts";
import { DROP } from "../session/drop_reason.ts";
import { TCP_FIN, TCP_RST, TCP_SYN } from "../session/tcp_state.ts";
import { type InstructionTable, SEEN_FIN, SEEN_RST, SEEN_SYN } from "./instruction_table.ts";

/** Next hops of the server, by its routing table without the agent's own routes. */
export interface AgentHops {
  /** Changes whenever a remembered hop may be out of date; 1 to 65535. */
  readonly epoch: number;
  /** The next hop to a client, 1 to 65535, or 0. */
  toClient(words: Int32Array, offset: number): number;
  /** The next hop of the ordinary way to a SNAT address, 1 to 65535, or 0. */
  toNat(words: Int32Array, offset: number): number;
  /** Can a packet leave by this hop at once: is its link address known? */
  resolved(hop: number): boolean;
  /** Largest IP packet that the link of this hop carries. */
  mtu(hop: number): number;
}

/** What the translator tells the main thread; each once for an instruction, where nothing else is said. */
export interface DirectTranslatorEvents {
  /** FIN or RST was seen. */
  closing(slot: number): void;
  /** TCP data was sent that had been sent before; told again once the main thread has taken note. */
  resent(slot: number): void;
  /** The server has opened another connection from this endpoint; the instruction is not used. */
  reopened(slot: number): void;
}

/**
 * The agent's decision for each response packet (claims C2, C3, C7): is an instruction stored for
 * it? Then it is rewritten and goes to the client; else, and whenever there is any doubt, it goes
 * to the NAT machine as it is. Never drops a packet that has a way.
 */
export class DirectTranslator {
  readonly #table: InstructionTable;
  readonly #hops: AgentHops;
  readonly #events: DirectTranslatorEvents;
  /** Did the last packet leave by the direct way? */
  bypassed = false;

  constructor(table: InstructionTable, hops: AgentHops, events: DirectTranslatorEvents) {
    this.#table = table;
    this.#hops = hops;
    this.#events = events;
  }

  /**
   * Decides about one parsed packet, and rewrites it in place when it goes to the client. TCP too large
   * for the way to the client leaves in smaller segments.
   * @param vnetOffset where its virtio_net_hdr is, 24 bytes before the packet
   * @returns the next hop (positive), or a reason from DROP, negated
   */
  handle(packet: Packet, vnetOffset: number, nowMs: number): number {
    this.forget();
    const hop = this.#direct(packet, vnetOffset, nowMs);
    if (hop === 0) return this.viaNat(packet);
    const table = this.#table;
    const ports = table.loadRewrite(this.#slot);
    const partial = needsChecksum(packet.view, vnetOffset);
    rewrite(packet, table.rewriteWords, ports >>> 16, ports & 0xffff, partial);
    const packets = countedPackets(packet.view, vnetOffset, packet);
    table.count(this.#slot, packets, packet.totalBytes, nowMs);
    if (packet.protocol === PROTOCOL_TCP) {
      const flags = packet.tcpFlags;
      const carried = packet.payloadBytes + ((flags & TCP_FIN) !== 0 ? 1 : 0);
      const from = packet.tcpSequence;
      // A reset may say any sequence number.
      if (
        (flags & TCP_RST) === 0 &&
        table.sent(this.#slot, from, (from + carried) | 0, carried > 0)
      ) this.#events.resent(this.#slot);
      if ((flags & (TCP_FIN | TCP_RST)) !== 0) {
        const seen = ((flags & TCP_FIN) !== 0 ? SEEN_FIN : 0) |
          ((flags & TCP_RST) !== 0 ? SEEN_RST : 0);
        if (table.see(this.#slot, seen)) this.#events.closing(this.#slot);
      }
    }
    this.bypassed = true;
    return hop;
  }

  /** The way of a packet that stays as it is. */
  viaNat(packet: Packet): number {
    const hop = this.#hops.toNat(packet.addresses, 4);
    return hop === 0 ? -DROP.noRoute : hop;
  }

  /** The instruction that matched the packet handled last, used or not; 0: none. */
  get matched(): number {
    return this.#slot;
  }

  /** Until the next packet is handled, none has matched. */
  forget(): void {
    this.bypassed = false;
    this.#slot = 0;
  }

  #slot = 0;

  /** The hop to the client, with the instruction in `#slot`; 0: by way of the NAT machine. */
  #direct(packet: Packet, vnetOffset: number, nowMs: number): number {
    const protocol = packet.protocol;
    if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return 0;
    // What is not fully understood here is for the NAT machine.
    if (packet.isFragment || packet.hasOptions) return 0;
    const table = this.#table;
    const ports = (packet.sourcePort << 16) | packet.destinationPort;
    const slot = table.find(packet.addresses, ports, protocol);
    this.#slot = slot;
    if (slot === 0 || !table.leased(slot, nowMs)) return 0;
    if (table.reopened(slot)) return 0;
    if (protocol === PROTOCOL_TCP && (packet.tcpFlags & TCP_SYN) !== 0) {
      // Handshakes pass the NAT machine, before the instruction: this is another session's.
      if (table.see(slot, SEEN_SYN)) this.#events.reopened(slot);
      return 0;
    }
    let hop = table.hop(slot);
    if (hop >>> 16 !== this.#hops.epoch) {
      hop = this.#hops.toClient(table.clientWords, table.clientOffset(slot));
      if (hop === 0) return 0;
      table.setHop(slot, (this.#hops.epoch << 16) | hop);
    }
    hop &= 0xffff;
    if (!this.#hops.resolved(hop)) return 0;
    let mtu = this.#hops.mtu(hop);
    const pathMtu = table.pathMtu(slot);
    if (pathMtu !== 0 && pathMtu < mtu) mtu = pathMtu;
    if (packet.totalBytes > mtu && !limitSegments(packet, vnetOffset, mtu, ETHERNET_HEADER_BYTES)) {
      return 0;
    }
    return hop;
  }
}
