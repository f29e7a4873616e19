import { F64, FLAG, I32, RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import type { AffinityTable } from "../session/affinity_table.ts";
import { ServiceTraffic, trafficKey } from "../session/service_traffic.ts";
import type { SessionTable } from "../session/session_table.ts";
import { beginsConnection, STATE, TCP_ACK, TCP_SYN } from "../session/tcp_state.ts";
import { IpIdentifications } from "../session/ip_identification.ts";
import { DROP } from "../session/drop_reason.ts";
import { ETHERNET_HEADER_BYTES, type PacketSender } from "../datapath/engine.ts";
import { Overload } from "../datapath/overload.ts";
import { cutIpv4, mayCut } from "../wire/cut_ipv4.ts";
import { fillL4 } from "../wire/l4_checksum.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { MARTIAN_SOURCE } from "../wire/reason.ts";
import { limitSegments } from "../wire/segment_size.ts";
import {
  clearVnetHeader,
  countedPackets,
  gsoSize,
  needsChecksum,
} from "../wire/virtio_net_header.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import { type FragmentMemory, FragmentTranslator } from "./fragment_translator.ts";
import { Foresight } from "./foresight.ts";
import type { Hops } from "./hops.ts";
import type { RebuiltSession } from "./instruction_rebuild.ts";
import type { RebuildOutcome } from "./session_rebuilder.ts";
import { IcmpTranslator, type PathEvents } from "./icmp_translator.ts";
import type { LastSession } from "./last_session.ts";
import { Replies } from "./replies.ts";
import { ServerAnswers } from "./server_answers.ts";
import { ServerSigns } from "./server_signs.ts";
import { SessionRewriter } from "./session_rewriter.ts";
import { noteClientSegment } from "./client_segment.ts";
import { CLOSE, type SessionEvents, SessionKeeper } from "./session_keeper.ts";
import type { StartWatchOptions } from "./start_watch.ts";

export interface TranslatorOptions extends StartWatchOptions {
  readonly table: SessionTable;
  readonly hops: Hops;
  readonly events: SessionEvents & PathEvents;
  /** Sends what the translator makes itself: errors, resets, echo replies; and what it has kept. */
  readonly sender: PacketSender;
  /** Takes a packet that is nobody's when it tests the direct way; default: there are none. */
  readonly isProbe?: (packet: Packet, partial: boolean) => boolean;
  readonly fragmentMemory: FragmentMemory;
  readonly config: DatapathConfig;
  readonly signs?: ServerSigns;
  readonly affinity?: AffinityTable;
  /**
   * Where there are several packet workers: gives a packet that would begin a session to the worker that
   * begins its client's. Returns a verdict, or 0 when that is this one.
   */
  readonly pass?: (packet: Packet, vnetOffset: number) => number;
  /** As of SessionKeeperOptions. */
  readonly withheldPorts?: Int32Array;
  readonly worker?: number;
  /** Default: nobody else chooses identifications for the same streams. */
  readonly identifications?: IpIdentifications;
  /** What passes is counted here by service; default: it is not. */
  readonly traffic?: ServiceTraffic;
  /** Whether new sessions are admitted; default: always. */
  readonly overload?: Overload;
  /** Uniform in [0, 1); not to be guessed. */
  readonly random: () => number;
  readonly nowMs: number;
}

/**
 * The decisions and the bytes of the NAT machine: which session a packet belongs to, whether it may
 * start one, and what it looks like on the other side. Pure given time, randomness and next hops;
 * allocates nothing per packet that is translated.
 */
export class Translator {
  readonly #table: SessionTable;
  readonly #hops: Hops;
  readonly #sender: PacketSender;
  readonly #sessions: SessionKeeper;
  readonly #answers: ServerAnswers;
  readonly #replies: Replies;
  readonly #icmp: IcmpTranslator;
  readonly #rewriter: SessionRewriter;
  readonly #traffic: ServiceTraffic;
  readonly #isProbe: (packet: Packet, partial: boolean) => boolean;
  readonly #pass: (packet: Packet, vnetOffset: number) => number;
  readonly #overload: Overload;
  readonly #fragments: FragmentTranslator;
  /** To be shown the packets of a batch before the first of them is handled. */
  readonly foresight: Foresight;
  /** Of the packet handled last: what its later fragments belong to, and what a capture says of it. */
  readonly #last: LastSession = { slot: 0, fromClient: true };
  /** Whether the packet translated last is larger than its next link and has to be cut. */
  #tooLarge = false;

  constructor(options: TranslatorOptions) {
    const { table, hops, events, sender, config, random } = options;
    const secret = () => Math.floor(random() * 2 ** 32);
    this.#table = table;
    this.#hops = hops;
    this.#sender = sender;
    this.#traffic = options.traffic ?? new ServiceTraffic();
    this.#isProbe = options.isProbe ?? (() => false);
    this.#pass = options.pass ?? (() => 0);
    this.#overload = options.overload ?? new Overload([]);
    this.#sessions = new SessionKeeper(options);
    this.foresight = new Foresight(table, (entry) => this.#sessions.endpoints.isNatAddress(entry));
    this.#answers = new ServerAnswers(table, options.signs ?? new ServerSigns());
    this.#replies = new Replies({ sender, hops, random }, config);
    this.#rewriter = new SessionRewriter(
      table,
      hops,
      options.identifications ?? new IpIdentifications([secret(), secret()]),
    );
    this.#fragments = new FragmentTranslator({
      table,
      sender,
      hops,
      rewriter: this.#rewriter,
      traffic: this.#traffic,
      memory: options.fragmentMemory,
      key: [secret(), secret()],
      translateFirst: (packet, vnetOffset, nowMs) => this.#whole(packet, vnetOffset, nowMs),
      cut: (packet, hop) => this.#cut(packet, hop),
      answerEcho: (packet, vnetOffset, nowMs) => this.#icmp.handle(packet, vnetOffset, nowMs),
      last: this.#last,
    });
    this.#icmp = new IcmpTranslator({
      table,
      hops,
      events,
      random,
      sessions: this.#sessions,
      replies: this.#replies,
      last: this.#last,
      isProbe: this.#isProbe,
    });
  }

  /** The session of the packet handled last (slot 0: none), and from which side it came. */
  get last(): Readonly<LastSession> {
    return this.#last;
  }
  /** Until the next packet is handled, it is nobody's. */
  forget(): void {
    this.#last.slot = 0;
  }

  /** Takes another configuration; sessions of services and servers that are gone live on. */
  configure(config: DatapathConfig): void {
    this.#sessions.configure(config);
    this.#replies.configure(config);
  }

  /**
   * Translates one parsed packet in place.
   * @param vnetOffset where its virtio_net_hdr is, 24 bytes before the packet
   * @returns the next hop (positive), 0 when nothing is left to do, or a reason from DROP, negated
   */
  handle(packet: Packet, vnetOffset: number, nowMs: number): number {
    const protocol = packet.protocol;
    this.#last.slot = 0;
    if (!packet.isFragment && protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) {
      return this.#icmp.handle(packet, vnetOffset, nowMs);
    }
    const verdict = packet.isFragment
      ? this.#fragments.handle(packet, vnetOffset, nowMs)
      : this.#whole(packet, vnetOffset, nowMs);
    if (this.#tooLarge) {
      this.#tooLarge = false;
      if (verdict > 0) this.#cut(packet, verdict);
    }
    return verdict;
  }

  /** A packet with ports: a whole one, or the first fragment of one. */
  #whole(packet: Packet, vnetOffset: number, nowMs: number): number {
    const natAddress = this.#table.findEndpoint(packet.addresses, 4, 0);
    if (natAddress !== 0 && this.#sessions.endpoints.isNatAddress(natAddress)) {
      return this.#outbound(packet, vnetOffset, natAddress, nowMs);
    }
    return this.#inbound(packet, vnetOffset, nowMs);
  }

  #inbound(packet: Packet, vnetOffset: number, nowMs: number): number {
    const table = this.#table;
    const protocol = packet.protocol;
    const vip = table.findEndpoint(packet.addresses, 4, packet.destinationPort);
    let slot = vip === 0
      ? 0
      : table.findInbound(packet.addresses, 0, packet.sourcePort, vip, protocol);
    if (packet.hopLimit <= 1 && (slot !== 0 || this.#sessions.services.find(vip, protocol) >= 0)) {
      return this.#replies.expired(packet, needsChecksum(packet.view, vnetOffset), nowMs);
    }
    if (slot !== 0 && protocol === PROTOCOL_TCP && table.getU8(slot, U8.state) === STATE.closed) {
      // The client uses the port of a finished connection again (RFC 9293, 3.6.1).
      if ((packet.tcpFlags & (TCP_SYN | TCP_ACK)) === TCP_SYN) {
        this.#sessions.quarantine(slot, CLOSE.reused, nowMs);
        slot = 0;
      }
    }
    if (slot !== 0 && protocol === PROTOCOL_TCP && (packet.tcpFlags & TCP_SYN) !== 0) {
      slot = this.#again(slot, packet, nowMs);
    }
    if (slot === 0) {
      // Before anything is done for it, and without an answer, which would cost as much as to send it on.
      if (this.#begins(packet, vip) && !this.#overload.admits()) return -DROP.overload;
      const passed = this.#pass(packet, vnetOffset);
      if (passed !== 0) return passed;
      slot = this.#open(packet, vnetOffset, vip, nowMs);
      if (slot <= 0) return slot;
    }
    this.#last.slot = slot;
    this.#last.fromClient = true;
    const hop = this.#rewriter.serverHop(slot);
    if (hop === 0) return -DROP.noRoute;
    const mtu = this.#hops.mtu(hop);
    if (packet.totalBytes > mtu && !this.#fit(packet, vnetOffset, mtu)) {
      return this.#replies.tooBig(packet, needsChecksum(packet.view, vnetOffset), mtu, nowMs);
    }
    const double = slot * (RECORD_BYTES / 8);
    table.f64[double + F64.lastSeenMs] = nowMs;
    const counted = countedPackets(packet.view, vnetOffset, packet);
    table.f64[double + F64.packetsFromClient] = table.f64[double + F64.packetsFromClient]! +
      counted;
    table.f64[double + F64.bytesFromClient] = table.f64[double + F64.bytesFromClient]! +
      packet.totalBytes;
    this.#traffic.fromClient(trafficKey(vip, protocol), counted, packet.totalBytes);
    if (protocol === PROTOCOL_TCP) {
      noteClientSegment(table, slot, packet);
      this.#sessions.advance(slot, true, packet.tcpFlags, nowMs);
    }

    this.#rewriter.toServer(packet, slot, needsChecksum(packet.view, vnetOffset), nowMs);
    return hop;
  }

  /** Whether a packet that belongs to no session would begin one. */
  #begins(packet: Packet, vip: number): boolean {
    const { protocol } = packet;
    return this.#sessions.services.find(vip, protocol) >= 0 &&
      (protocol !== PROTOCOL_TCP || beginsConnection(packet.tcpFlags));
  }

  /** A SYN for a session that is there: the session's slot, 0 when it is to begin anew. */
  #again(slot: number, packet: Packet, nowMs: number): number {
    const state = this.#table.getU8(slot, U8.state);
    if (state === STATE.opening) this.#answers.repeated(slot, packet, nowMs);
    else if (state !== STATE.reset) return slot;
    if (!this.#answers.isLost(slot, this.#sessions.services)) return slot;
    this.#sessions.quarantine(slot, CLOSE.unanswered, nowMs);
    return 0;
  }

  #outbound(packet: Packet, vnetOffset: number, natAddress: number, nowMs: number): number {
    const table = this.#table;
    const protocol = packet.protocol;
    const server = table.findEndpoint(packet.addresses, 0, packet.sourcePort);
    if (server === 0) return this.#probe(packet, vnetOffset, -DROP.noSession);
    const slot = table.findOutbound(server, natAddress, packet.destinationPort, protocol);
    const state = slot === 0 ? STATE.free : table.getU8(slot, U8.state);
    if (state === STATE.free || state === STATE.quarantine) {
      return this.#stray(packet, vnetOffset, nowMs);
    }
    this.#last.slot = slot;
    this.#last.fromClient = false;
    if (packet.hopLimit <= 1) {
      return this.#replies.expired(packet, needsChecksum(packet.view, vnetOffset), nowMs);
    }
    const word = slot * (RECORD_BYTES / 4);
    const hop = this.#rewriter.clientHop(slot);
    if (hop === 0) return -DROP.noRoute;
    let mtu = this.#hops.mtu(hop);
    const pathMtu = table.getU16(slot, U16.pathMtu);
    if (pathMtu !== 0 && pathMtu < mtu) mtu = pathMtu;
    if (packet.totalBytes > mtu && !this.#fit(packet, vnetOffset, mtu)) {
      return this.#replies.tooBig(packet, needsChecksum(packet.view, vnetOffset), mtu, nowMs);
    }
    const double = slot * (RECORD_BYTES / 8);
    table.f64[double + F64.lastSeenMs] = nowMs;
    const counted = countedPackets(packet.view, vnetOffset, packet);
    const packets = table.f64[double + F64.packetsViaNat]! + counted;
    const bytes = table.f64[double + F64.bytesViaNat]! + packet.totalBytes;
    table.f64[double + F64.packetsViaNat] = packets;
    table.f64[double + F64.bytesViaNat] = bytes;
    const key = trafficKey(table.getU16(slot, U16.vip), protocol);
    this.#traffic.viaNat(key, counted, packet.totalBytes);
    if (protocol === PROTOCOL_TCP) {
      const end = (packet.tcpSequence + packet.payloadBytes) | 0;
      const ahead = (end - table.i32[word + I32.natSequence]!) | 0;
      if (state === STATE.opening) this.#answers.answered(slot, packet);
      if (ahead > 0 || (packet.tcpFlags & TCP_SYN) !== 0) table.i32[word + I32.natSequence] = end;
      this.#sessions.advance(slot, false, packet.tcpFlags, nowMs);
    } else if (state === STATE.opening) {
      this.#sessions.answered(slot, nowMs);
    }
    if ((table.getU8(slot, U8.flags) & FLAG.armed) !== 0) {
      this.#sessions.watch(slot, packets, bytes, nowMs);
    }

    this.#rewriter.toClient(packet, slot, needsChecksum(packet.view, vnetOffset), nowMs);
    return hop;
  }

  /**
   * Starts a session with this packet, or tells its sender why not: a slot, 0 when nothing is left to
   * do, or a reason, negated.
   */
  #open(packet: Packet, vnetOffset: number, vip: number, nowMs: number): number {
    // Nobody but us sends with these addresses.
    if (this.#sessions.isOwnAddress(packet.addresses, 0)) {
      return this.#probe(packet, vnetOffset, -MARTIAN_SOURCE);
    }
    const partial = needsChecksum(packet.view, vnetOffset);
    const slot = this.#sessions.open(packet, partial, vip, nowMs);
    if (slot > 0 || slot === -DROP.badChecksum) return slot;
    // What is not for a VIP is not for us to answer.
    if (!this.#sessions.services.hasVip(packet.addresses, 4)) return slot;
    return this.#replies.refuse(packet, partial, -slot, nowMs);
  }

  /** A server's packet that belongs to no session: TCP is told, so that it lets go of its end. */
  #stray(packet: Packet, vnetOffset: number, nowMs: number): number {
    if (packet.protocol !== PROTOCOL_TCP) {
      return this.#probe(packet, vnetOffset, -DROP.noSession);
    }
    const partial = needsChecksum(packet.view, vnetOffset);
    return this.#replies.refuse(packet, partial, DROP.noSession, nowMs);
  }

  /** What becomes of a packet that is nobody's, unless an agent sent it to test the direct way. */
  #probe(packet: Packet, vnetOffset: number, otherwise: number): number {
    return this.#isProbe(packet, needsChecksum(packet.view, vnetOffset)) ? 0 : otherwise;
  }

  /** Makes a packet fit a link, or sees to it that it will be cut; false: its sender has to know. */
  #fit(packet: Packet, vnetOffset: number, mtu: number): boolean {
    if (limitSegments(packet, vnetOffset, mtu, ETHERNET_HEADER_BYTES)) return true;
    if (!mayCut(packet) || gsoSize(packet.view, vnetOffset) !== 0) return false;
    if (needsChecksum(packet.view, vnetOffset)) {
      fillL4(packet);
      clearVnetHeader(packet.view, vnetOffset);
    }
    this.#tooLarge = true;
    return true;
  }

  /** Leaves what fits the link in place and sends the rest after it (RFC 4787, REQ-13 a). */
  #cut(packet: Packet, hop: number): void {
    const mtu = this.#hops.mtu(hop);
    if (packet.totalBytes <= mtu || !mayCut(packet)) return;
    for (const fragment of cutIpv4(packet, mtu)) this.#sender.emit(fragment, hop);
  }

  /** An agent saw FIN or RST from the server, or an answer over UDP (0). */
  agentSaw(slot: number, id: number, tcpFlags: number, nowMs: number): void {
    this.#sessions.agentSaw(slot, id, tcpFlags, nowMs);
  }

  /** The criteria decide again about this session, with its next response via NAT. */
  rearm(slot: number, id: number): void {
    this.#sessions.rearm(slot, id);
  }

  /** Takes in a session of a table that was lost. */
  rebuild(session: RebuiltSession, nowMs: number): RebuildOutcome {
    return this.#sessions.rebuild(session, nowMs);
  }

  /** Until then nobody is told that there is no session: one may still be rebuilt. */
  silence(untilMs: number): void {
    this.#replies.silence(untilMs);
  }

  /** Is there work that must not wait for packets, or for a timer? {@linkcode expire} does some of it. */
  get busy(): boolean {
    return this.#sessions.busy;
  }

  /**
   * Ends what has been idle too long; at most `budget` sessions a call. To be called between batches.
   * @returns how many fragments that were kept are dropped now
   */
  expire(nowMs: number, budget: number): number {
    this.#sessions.expire(nowMs, budget);
    return this.#fragments.expire(nowMs);
  }
}
