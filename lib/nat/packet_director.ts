import { HANDED, IP_OFFSET } from "../datapath/engine.ts";
import type { PacketExchange } from "../datapath/packet_exchange.ts";
import { COUNTER } from "../session/counters.ts";
import { DROP } from "../session/drop_reason.ts";
import type { SessionTable } from "../session/session_table.ts";
import { isError, parseQuote } from "../wire/icmp_quote.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import type { ForeignSessions } from "./foreign_sessions.ts";
import { FragmentGatherer } from "./fragment_gatherer.ts";
import type { Steering } from "./steering.ts";

export interface PacketDirectorOptions {
  /** This worker's number. */
  readonly worker: number;
  readonly steering: Steering;
  readonly table: SessionTable;
  readonly exchange: PacketExchange;
  readonly foreign: ForeignSessions;
  readonly counters: Float64Array;
  /** Two random words. */
  readonly key: readonly [number, number];
  /** Is the address at this offset (4 words) a SNAT address? */
  readonly isNatAddress: (words: Int32Array, offset: number) => boolean;
  /** Number of the interface that the packet in a slot came by. */
  readonly linkOf: (slot: number) => number;
  /** Translates what is this worker's. */
  readonly translate: (packet: Packet, vnetOffset: number, nowMs: number) => number;
}

/**
 * Sees to it that each packet is translated by the worker that has its session, where there are several
 * workers. The kernel has steered it by the same rule; what the kernel could not tell, or steered while
 * sockets came and went, is handed over here.
 */
export class PacketDirector {
  readonly #options: PacketDirectorOptions;
  readonly #gatherer: FragmentGatherer;

  constructor(options: PacketDirectorOptions) {
    this.#options = options;
    const { exchange, linkOf } = options;
    this.#gatherer = new FragmentGatherer({
      key: options.key,
      ownerOf: (packet) => this.#ofPorts(packet),
      deliver: (packet, vnetOffset, owner, nowMs) =>
        this.#deliver(packet, vnetOffset, owner, nowMs),
      hand: (owner, bytes, offset, lengthBytes, link) =>
        exchange.hand(owner, bytes, offset, lengthBytes, link),
      linkOf,
    });
  }

  /** As PacketHandler.handle. */
  handle(packet: Packet, slot: number, nowMs: number): number {
    const { exchange, translate } = this.#options;
    // Whoever handed it over knew whose it is.
    if (exchange.has(slot)) return translate(packet, slot, nowMs);
    if (packet.isFragment) return this.#gatherer.handle(packet, slot, nowMs);
    return this.#deliver(packet, slot, this.#ownerOf(packet), nowMs);
  }

  /**
   * Of a packet that would begin a session here: whether another worker begins its client's sessions.
   * It has this packet then.
   * @returns 0, or a verdict
   */
  pass(packet: Packet, vnetOffset: number): number {
    const { steering, worker } = this.#options;
    const owner = steering.ofClient(packet.addresses, 0, packet.sourcePort);
    return owner === worker ? 0 : this.#hand(packet, vnetOffset, owner);
  }

  /** To be called between batches; returns how many fragments that were held are dropped now. */
  maintain(nowMs: number): number {
    this.#options.foreign.forget();
    return this.#gatherer.expire(nowMs);
  }

  #deliver(packet: Packet, vnetOffset: number, owner: number, nowMs: number): number {
    const { worker, translate } = this.#options;
    return owner === worker
      ? translate(packet, vnetOffset, nowMs)
      : this.#hand(packet, vnetOffset, owner);
  }

  #hand(packet: Packet, vnetOffset: number, owner: number): number {
    const { exchange, counters, linkOf } = this.#options;
    const lengthBytes = IP_OFFSET + packet.totalBytes;
    const link = linkOf(vnetOffset);
    if (!exchange.hand(owner, packet.bytes, vnetOffset, lengthBytes, link)) return -DROP.handover;
    // It is received once more, by its owner.
    counters[COUNTER.handedOver] = counters[COUNTER.handedOver]! + 1;
    counters[COUNTER.bytesHandedOver] = counters[COUNTER.bytesHandedOver]! + packet.totalBytes;
    return HANDED;
  }

  #ownerOf(packet: Packet): number {
    const { protocol } = packet;
    if (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) return this.#ofPorts(packet);
    return isError(packet) ? this.#ofError(packet) : this.#options.worker;
  }

  /** Of a packet with ports; the first fragment of an echo is whoever's gathers it. */
  #ofPorts(packet: Packet): number {
    const { steering, foreign, table, isNatAddress, worker } = this.#options;
    const { addresses, protocol } = packet;
    if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return worker;
    if (isNatAddress(addresses, 4)) return steering.ofPort(packet.destinationPort);
    if (foreign.size > 0) {
      const vip = table.findEndpoint(addresses, 4, packet.destinationPort);
      const owner = foreign.find(addresses, 0, packet.sourcePort, vip, protocol);
      if (owner >= 0) return owner;
    }
    return steering.ofClient(addresses, 0, packet.sourcePort);
  }

  /** Of an ICMP error: the packet that it quotes travelled the other way. */
  #ofError(packet: Packet): number {
    const { steering, foreign, table, isNatAddress, worker } = this.#options;
    const quote = parseQuote(packet);
    if (typeof quote === "number") return worker;
    if (isNatAddress(packet.addresses, 4)) return steering.ofPort(quote.sourcePort);
    const { addresses, destinationPort } = quote;
    if (foreign.size > 0) {
      const vip = table.findEndpoint(addresses, 0, quote.sourcePort);
      const owner = foreign.find(addresses, 4, destinationPort, vip, quote.protocol);
      if (owner >= 0) return owner;
    }
    return steering.ofClient(addresses, 4, destinationPort);
  }
}
