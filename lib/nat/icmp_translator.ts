import { DROP } from "../session/drop_reason.ts";
import { DIRECT, F64, HOLD_NONE, RECORD_BYTES, U16, U8 } from "../session/layout.ts";
import type { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { isEchoRequest } from "../wire/icmp_echo.ts";
import {
  type ErrorTranslation,
  isError,
  parseQuote,
  type Quote,
  rewriteError,
  stripExtensions,
} from "../wire/icmp_quote.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP } from "../wire/protocol.ts";
import { MARTIAN_SOURCE } from "../wire/reason.ts";
import { decrementHopLimit } from "../wire/rewrite.ts";
import { clearVnetHeader, needsChecksum } from "../wire/virtio_net_header.ts";
import type { Hops } from "./hops.ts";
import {
  isPlausibleFromClient,
  isPlausibleFromServer,
  isTooBig,
  isUndelivered,
  NO_MTU,
  statedMtu,
  tcpPathMtu,
} from "./icmp_checks.ts";
import type { LastSession } from "./last_session.ts";
import type { Replies } from "./replies.ts";
import { ReplyLimits } from "./reply_limits.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Errors passed on: a router sends a few a second about one path; our own choice. */
const LIMITS = { perSecond: 2000, burst: 500, perSecondEach: 50, burstEach: 50 };

export interface PathEvents {
  /** The path to the client of a session carries only this much; false when it could not be told. */
  pathMtu(slot: number, id: number, mtuBytes: number): boolean;
  /**
   * A router says that a packet of a session that bypasses, or has done so, cannot be delivered.
   * @param why ICMP type and code, as type * 256 + code
   */
  undelivered(slot: number, id: number, why: number): void;
}

export interface IcmpTranslatorOptions {
  readonly table: SessionTable;
  readonly hops: Hops;
  readonly events: PathEvents;
  readonly sessions: SessionKeeper;
  readonly replies: Replies;
  /** Takes note of the session that an error is about. */
  readonly last: LastSession;
  /** As TranslatorOptions'. */
  readonly isProbe: (packet: Packet, partial: boolean) => boolean;
  /** Uniform in [0, 1); not to be guessed. */
  readonly random: () => number;
}

/**
 * Everything that is neither TCP nor UDP. VIPs answer echo requests. An ICMP error about a packet of a
 * session reaches the host that sent that packet, with the addresses that this host knows, outside and
 * in the quote (RFC 5508, section 4): errors about what an agent sent directly come here too, since its
 * source was the VIP. Of such errors "too big" about TCP goes no further: the server keeps one path MTU
 * per SNAT address, which many clients share, so it is kept with the session, and larger packets of the
 * session leave in smaller segments.
 *
 * No error ends or prolongs a session (RFC 5508, REQ-6; RFC 5382, REQ-10; RFC 7857, 7.1), and one that
 * nobody can have asked for changes nothing. Redirects, neighbour discovery and all other messages are
 * never translated.
 */
export class IcmpTranslator {
  readonly #options: IcmpTranslatorOptions;
  readonly #limits: ReplyLimits;

  constructor(options: IcmpTranslatorOptions) {
    this.#options = options;
    this.#limits = new ReplyLimits({ ...LIMITS, random: options.random });
  }

  /** As `Translator.handle`, for every protocol but TCP and UDP. */
  handle(packet: Packet, vnetOffset: number, nowMs: number): number {
    const { table, sessions, replies } = this.#options;
    const { addresses, protocol } = packet;
    const partial = needsChecksum(packet.view, vnetOffset);
    const natAddress = table.findEndpoint(addresses, 4, 0);
    const toServers = natAddress !== 0 && sessions.endpoints.isNatAddress(natAddress);
    const toVip = !toServers && sessions.services.hasVip(addresses, 4);
    if (!toServers && !toVip) return -DROP.noService;
    // Nobody but us sends with these addresses; errors are looked at below.
    if (!isError(packet) && sessions.isOwnAddress(addresses, 0)) return -MARTIAN_SOURCE;
    if (protocol !== (packet.family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)) {
      return toVip ? replies.refuseProtocol(packet, nowMs) : -DROP.unsupportedProtocol;
    }
    if (isError(packet)) {
      if (packet.hopLimit <= 1) return -DROP.hopLimit;
      // RFC 5508, REQ-3.
      if (!verifyL4(packet, partial)) return -DROP.badChecksum;
      const quote = parseQuote(packet);
      if (typeof quote === "number") return -DROP.badError;
      clearVnetHeader(packet.view, vnetOffset);
      return toVip
        ? this.#aboutServer(packet, quote, nowMs)
        : this.#aboutClient(packet, quote, natAddress, nowMs);
    }
    if (toVip && isEchoRequest(packet)) return replies.echo(packet, partial, nowMs);
    if (toVip && this.#options.isProbe(packet, partial)) return 0;
    return -DROP.unsupportedProtocol;
  }

  /** From the client or a router before it, about what a server sent, here or directly. */
  #aboutServer(packet: Packet, quote: Quote, nowMs: number): number {
    const { table, events, sessions, hops, last } = this.#options;
    const vip = table.findEndpoint(quote.addresses, 0, quote.sourcePort);
    if (vip === 0) return -DROP.noSession;
    const { protocol, destinationPort } = quote;
    const slot = table.findInbound(quote.addresses, 4, destinationPort, vip, protocol);
    if (slot === 0) return -DROP.noSession;
    last.slot = slot;
    last.fromClient = true;
    // Nobody but us sends with these addresses, and we make no errors about what we forward directly.
    if (sessions.isOwnAddress(packet.addresses, 0)) return -DROP.badError;
    if (protocol === PROTOCOL_TCP && !isPlausibleFromServer(table, slot, quote)) {
      return -DROP.badError;
    }
    const mtu = isTooBig(packet) ? statedMtu(packet, quote) : NO_MTU;
    if (mtu < 0) return -DROP.badError;
    if (mtu !== NO_MTU && protocol === PROTOCOL_TCP) {
      const known = table.getU16(slot, U16.pathMtu);
      const found = tcpPathMtu(mtu, quote, known);
      // An estimate is never raised, and errors about packets that left before it was lowered go on coming.
      if (known !== 0 && found >= known) return 0;
      table.setU16(slot, U16.pathMtu, found);
      // When it cannot be told now, the main thread finds it in the record.
      events.pathMtu(slot, table.getF64(slot, F64.id), found);
      return 0;
    }
    const server = table.getU16(slot, U16.server) * 8;
    const nat = table.getU16(slot, U16.natAddress) * 8;
    const dictionary = table.dictionary;
    const hop = hops.toAddress(dictionary, server);
    if (hop === 0) return -DROP.noRoute;
    if (!this.#limits.allow(quote.addresses, 4, nowMs)) return -DROP.badError;
    const to = newTranslation(dictionary[server + 4]!, table.getU16(slot, U16.natPort));
    copy(dictionary, server, to.inner, 0);
    copy(dictionary, nat, to.inner, 4);
    // The server knows the client by the SNAT address only; a router may show itself.
    if (same(packet.addresses, 0, quote.addresses, 4)) copy(dictionary, nat, to.outer, 0);
    else {
      copy(packet.addresses, 0, to.outer, 0);
      // The client's own word would show that the packet had arrived.
      const bypasses = table.getU8(slot, U8.hold) !== HOLD_NONE ||
        table.getDirect(slot, DIRECT.packets) > 0;
      if (bypasses && isUndelivered(packet)) {
        const why = packet.icmpType * 256 + packet.icmpCode;
        events.undelivered(slot, table.getF64(slot, F64.id), why);
      }
    }
    copy(dictionary, server, to.outer, 4);
    return this.#send(packet, quote, to, hop);
  }

  /** From a server or a router before it, about what a client sent. */
  #aboutClient(packet: Packet, quote: Quote, natAddress: number, nowMs: number): number {
    const { table, hops, last } = this.#options;
    const { protocol } = quote;
    const server = table.findEndpoint(quote.addresses, 4, quote.destinationPort);
    if (server === 0) return -DROP.noSession;
    const slot = table.findOutbound(server, natAddress, quote.sourcePort, protocol);
    if (slot === 0 || table.getU8(slot, U8.state) === STATE.quarantine) return -DROP.noSession;
    last.slot = slot;
    last.fromClient = false;
    if (protocol === PROTOCOL_TCP && !isPlausibleFromClient(table, slot, quote)) {
      return -DROP.badError;
    }
    if (isTooBig(packet) && statedMtu(packet, quote) < 0) return -DROP.badError;
    const client = slot * (RECORD_BYTES / 4);
    const hop = hops.toAddress(table.i32, client);
    if (hop === 0) return -DROP.noRoute;
    if (!this.#limits.allow(table.i32, client, nowMs)) return -DROP.badError;
    const vip = table.getU16(slot, U16.vip) * 8;
    const to = newTranslation(table.getU16(slot, U16.clientPort), table.dictionary[vip + 4]!);
    copy(table.i32, client, to.inner, 0);
    copy(table.dictionary, vip, to.inner, 4);
    // Whoever says it (RFC 5508, REQ-5 c): addresses of the servers' network are not shown.
    copy(table.dictionary, vip, to.outer, 0);
    copy(table.i32, client, to.outer, 4);
    stripExtensions(packet, quote);
    return this.#send(packet, quote, to, hop);
  }

  #send(packet: Packet, quote: Quote, to: ErrorTranslation, hop: number): number {
    rewriteError(packet, quote, to);
    decrementHopLimit(packet);
    return hop;
  }
}

function newTranslation(innerSourcePort: number, innerDestinationPort: number): ErrorTranslation {
  return {
    outer: new Int32Array(8),
    inner: new Int32Array(8),
    innerSourcePort,
    innerDestinationPort,
  };
}

/** Copies an address. */
function copy(from: Int32Array, fromAt: number, to: Int32Array, toAt: number): void {
  for (let i = 0; i < 4; i++) to[toAt + i] = from[fromAt + i]!;
}

function same(a: Int32Array, aAt: number, b: Int32Array, bAt: number): boolean {
  for (let i = 0; i < 4; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
