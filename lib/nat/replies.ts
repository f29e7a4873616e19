import type { PacketSender } from "../datapath/engine.ts";
import { DROP } from "../session/drop_reason.ts";
import { IpAddress } from "../wire/address.ts";
import { turnEcho } from "../wire/icmp_echo.ts";
import { buildIcmpError, mayAnswerWithError, nextHeaderPointer } from "../wire/icmp_error.ts";
import * as icmpv4 from "../wire/icmpv4.ts";
import * as icmpv6 from "../wire/icmpv6.ts";
import { fillL4, verifyL4 } from "../wire/l4_checksum.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import { TCP_RST } from "../wire/tcp_flags.ts";
import { buildTcpReset } from "../wire/tcp_reset.ts";
import type { Hops } from "./hops.ts";
import { ReplyLimits } from "./reply_limits.ts";

/** Errors and resets; our own choice, well above what clients in good faith need. */
const REFUSAL_LIMITS = { perSecond: 2000, burst: 500, perSecondEach: 100, burstEach: 100 };
const ECHO_LIMITS = { perSecond: 2000, burst: 500, perSecondEach: 100, burstEach: 100 };

export interface RepliesOptions {
  readonly sender: PacketSender;
  readonly hops: Hops;
  /** Uniform in [0, 1); not to be guessed. */
  readonly random: () => number;
}

/** What of it the configuration says. */
export interface ReplySettings {
  /** Are those told who cannot be served, or left in silence? */
  readonly reject: boolean;
  readonly echo: boolean;
}

/**
 * The packets that the NAT machine sends in its own name, which is always the address that the packet
 * it answers was sent to: resets, ICMP errors, echo replies. Rate limited, never about what must not
 * be answered (RFC 1122, 3.2.2; RFC 1812, 4.3.2.7; RFC 4443, 2.4 e), and no larger than what they
 * answer, lest somebody has us flood another under that other's address: an error quotes the IP header
 * and 8 bytes at least, and beyond that only as much as the packet was longer.
 */
export class Replies {
  readonly #options: RepliesOptions;
  readonly #refusals: ReplyLimits;
  readonly #echoes: ReplyLimits;
  #settings: ReplySettings;
  #silentUntilMs = 0;

  constructor(options: RepliesOptions, settings: ReplySettings) {
    const { random } = options;
    this.#options = options;
    this.#settings = settings;
    this.#refusals = new ReplyLimits({ ...REFUSAL_LIMITS, random });
    this.#echoes = new ReplyLimits({ ...ECHO_LIMITS, random });
  }

  configure(settings: ReplySettings): void {
    this.#settings = settings;
  }

  /** Until then those who cannot be served are left in silence, so that they try again. */
  silence(untilMs: number): void {
    this.#silentUntilMs = untilMs;
  }

  /**
   * Tells the sender of a TCP or UDP packet that it is not served, unless silence is configured.
   *
   * @param reason of DROP; the packet is counted under it, whether there is a reply or not
   * @returns the reason, negated
   */
  refuse(packet: Packet, partial: boolean, reason: number, nowMs: number): number {
    const mayChange = reason !== DROP.noService && nowMs < this.#silentUntilMs;
    if (!this.#settings.reject || mayChange) return -reason;
    if (packet.protocol === PROTOCOL_TCP) {
      this.#reset(packet, partial, nowMs);
    } else if (this.#mayAnswer(packet, nowMs) && verifyL4(packet, partial)) {
      const missing = reason === DROP.noService;
      this.#error(packet, missing ? NO_PORT[packet.family] : PROHIBITED[packet.family]);
    }
    return -reason;
  }

  /** The same for a protocol that no service can have (RFC 1122, 3.2.2.1; RFC 4443, 3.4). */
  refuseProtocol(packet: Packet, nowMs: number): number {
    if (this.#settings.reject && this.#mayAnswer(packet, nowMs)) {
      const rest = packet.family === 4 ? 0 : nextHeaderPointer(packet);
      this.#error(packet, { ...NO_PROTOCOL[packet.family], rest });
    }
    return -DROP.unsupportedProtocol;
  }

  /** The packet's TTL or hop limit does not suffice for the way on (RFC 1812, 5.3.1). */
  expired(packet: Packet, partial: boolean, nowMs: number): number {
    if (this.#mayAnswer(packet, nowMs) && verifyL4(packet, partial)) {
      this.#error(packet, EXPIRED[packet.family]);
    }
    return -DROP.hopLimit;
  }

  /** The packet is larger than the next link carries, and must not be cut (RFC 1191, 4). */
  tooBig(packet: Packet, partial: boolean, mtuBytes: number, nowMs: number): number {
    if (this.#mayAnswer(packet, nowMs) && verifyL4(packet, partial)) {
      this.#error(packet, { ...TOO_BIG[packet.family], rest: mtuBytes });
    }
    return -DROP.tooBig;
  }

  /** Answers an echo request; 0 when it was, or a reason, negated. */
  echo(packet: Packet, partial: boolean, nowMs: number): number {
    const allowed = this.#settings.echo && this.#echoes.allow(packet.addresses, 0, nowMs);
    if (!allowed) return -DROP.echo;
    if (!verifyL4(packet, partial)) return -DROP.badChecksum;
    if (partial) fillL4(packet);
    turnEcho(packet, false);
    const { bytes, ipOffset, totalBytes } = packet;
    const sent = this.#send(packet, bytes.subarray(ipOffset, ipOffset + totalBytes));
    return sent ? 0 : -DROP.echo;
  }

  #reset(packet: Packet, partial: boolean, nowMs: number): void {
    // What a fragment's last byte is, which the reset has to acknowledge, cannot be told.
    if (packet.isFragment || (packet.tcpFlags & TCP_RST) !== 0) return;
    if (!this.#refusals.allow(packet.addresses, 0, nowMs) || !verifyL4(packet, partial)) return;
    const reset = buildTcpReset(packet);
    if (reset !== null) this.#send(packet, reset);
  }

  #mayAnswer(packet: Packet, nowMs: number): boolean {
    return mayAnswerWithError(packet) && this.#refusals.allow(packet.addresses, 0, nowMs);
  }

  #error(packet: Packet, kind: ErrorKind): void {
    const { addresses, totalBytes } = packet;
    const source = IpAddress.fromWords(addresses[4]!, addresses[5]!, addresses[6]!, addresses[7]!);
    this.#send(packet, buildIcmpError(packet, { ...kind, source, largestBytes: totalBytes }));
  }

  #send(about: Packet, reply: Uint8Array): boolean {
    const { hops, sender } = this.#options;
    const hop = hops.toAddress(about.addresses, 0);
    return hop !== 0 && sender.emit(reply, hop);
  }
}

interface ErrorKind {
  readonly type: number;
  readonly code: number;
  readonly rest?: number;
}
type ByFamily = Readonly<Record<4 | 6, ErrorKind>>;

/** RFC 1122, 3.2.2.1 and RFC 4443, 3.1. */
const NO_PORT: ByFamily = {
  4: { type: icmpv4.ICMPV4_UNREACHABLE, code: icmpv4.UNREACHABLE_PORT },
  6: { type: icmpv6.ICMPV6_UNREACHABLE, code: icmpv6.UNREACHABLE_PORT },
};
/** RFC 5508, REQ-8: there is nothing left to make a session of. */
const PROHIBITED: ByFamily = {
  4: { type: icmpv4.ICMPV4_UNREACHABLE, code: icmpv4.UNREACHABLE_PROHIBITED },
  6: { type: icmpv6.ICMPV6_UNREACHABLE, code: icmpv6.UNREACHABLE_PROHIBITED },
};
const NO_PROTOCOL: ByFamily = {
  4: { type: icmpv4.ICMPV4_UNREACHABLE, code: icmpv4.UNREACHABLE_PROTOCOL },
  6: { type: icmpv6.ICMPV6_PARAMETER_PROBLEM, code: icmpv6.PARAMETER_NEXT_HEADER },
};
const EXPIRED: ByFamily = {
  4: { type: icmpv4.ICMPV4_TIME_EXCEEDED, code: icmpv4.TIME_EXCEEDED_TRANSIT },
  6: { type: icmpv6.ICMPV6_TIME_EXCEEDED, code: icmpv6.TIME_EXCEEDED_TRANSIT },
};
const TOO_BIG: ByFamily = {
  4: { type: icmpv4.ICMPV4_UNREACHABLE, code: icmpv4.UNREACHABLE_FRAGMENTATION_NEEDED },
  6: { type: icmpv6.ICMPV6_TOO_BIG, code: 0 },
};
