/**
 * Whole frames from a description: for tests, benches and `explain`. Everything has a default but the two ends, and whatever
 * is asked for is built, wrong or not.
 *
 * ```ts
 * const frame = buildFrame({
 *   protocol: "tcp",
 *   source: "198.51.100.2:40000",
 *   destination: "203.0.113.10:80",
 *   flags: TCP_SYN,
 * });
 * ```
 *
 * @module
 */

import { type Endpoint, IpAddress, parseEndpoint } from "./address.ts";
import { finish, pseudoHeaderSum, sum16 } from "./checksum.ts";
import {
  emitEthernet,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  parseMac,
} from "./ethernet.ts";
import { emitIcmpHeader, ICMP_HEADER_BYTES, type IcmpHeader } from "./icmp.ts";
import { ICMPV4_ECHO_REQUEST } from "./icmpv4.ts";
import { ICMPV6_ECHO_REQUEST } from "./icmpv6.ts";
import { emitIpv4Header, IPV4_HEADER_BYTES } from "./ipv4.ts";
import { emitIpv6Header, IPV6_HEADER_BYTES } from "./ipv6.ts";
import { emitExtensionHeaders, type ExtensionHeader } from "./ipv6_extension.ts";
import { viewOf } from "./malformed.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from "./protocol.ts";
import { emitTcpHeader, TCP_HEADER_BYTES } from "./tcp.ts";
import { TCP_ACK } from "./tcp_flags.ts";
import { emitUdpHeader, UDP_HEADER_BYTES } from "./udp.ts";

export interface FrameOptions {
  /** `icmp` is the ICMP of the family; a number is a protocol whose bytes are `payload` alone. */
  readonly protocol: "tcp" | "udp" | "icmp" | number;
  /** An endpoint (`10.0.0.1:80`, `[2001:db8::1]:80`) for TCP and UDP, an address otherwise. */
  readonly source: string;
  readonly destination: string;
  readonly payload?: Uint8Array;

  /** TCP. Default: ACK alone, numbers 1, window 65535, no options. */
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly window?: number;
  readonly urgentPointer?: number;
  readonly tcpOptions?: Uint8Array;
  /** ICMP. Default: echo request. */
  readonly icmp?: IcmpHeader;
  /** Default `full`. `partial`: sum of the pseudo-header only. A number is written as it is. */
  readonly checksum?: "full" | "partial" | number;

  /** Default 64. */
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  /** IPv4. Default 0. */
  readonly identification?: number;
  /** IPv4. Default true. */
  readonly dontFragment?: boolean;
  readonly ipv4Options?: Uint8Array;
  /** IPv6. */
  readonly flowLabel?: number;
  readonly extensionHeaders?: readonly ExtensionHeader[];

  /** Default `02:00:00:00:00:02` and `02:00:00:00:00:01`. */
  readonly sourceMac?: string;
  readonly destinationMac?: string;
}

const NOTHING = new Uint8Array(0);

/** An Ethernet frame. */
export function buildFrame(options: FrameOptions): Uint8Array<ArrayBuffer> {
  const packet = buildPacket(options);
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + packet.length);
  emitEthernet({
    source: parseMac(options.sourceMac ?? "02:00:00:00:00:02"),
    destination: parseMac(options.destinationMac ?? "02:00:00:00:00:01"),
    etherType: packet[0]! >>> 4 === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
  }, frame);
  frame.set(packet, ETHERNET_HEADER_BYTES);
  return frame;
}

/** An IP packet without a frame around it. */
export function buildPacket(options: FrameOptions): Uint8Array<ArrayBuffer> {
  const source = readEnd(options, options.source);
  const destination = readEnd(options, options.destination);
  const family = source.address.family;
  const protocol = protocolOf(options, family);
  const segment = buildSegment(options, { source, destination, protocol });
  return family === 4
    ? buildIpv4(options, { source, destination, protocol, segment })
    : buildIpv6(options, { source, destination, protocol, segment });
}

interface Ends {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly protocol: number;
}

function readEnd(options: FrameOptions, text: string): Endpoint {
  const hasPort = options.protocol === "tcp" || options.protocol === "udp";
  return hasPort ? parseEndpoint(text) : { address: IpAddress.parse(text), port: 0 };
}

function protocolOf(options: FrameOptions, family: 4 | 6): number {
  if (typeof options.protocol === "number") return options.protocol;
  if (options.protocol === "tcp") return PROTOCOL_TCP;
  if (options.protocol === "udp") return PROTOCOL_UDP;
  return family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
}

function buildIpv4(options: FrameOptions, parts: Ends & { segment: Uint8Array }) {
  const ipv4Options = options.ipv4Options ?? NOTHING;
  const packet = new Uint8Array(IPV4_HEADER_BYTES + ipv4Options.length + parts.segment.length);
  const headerBytes = emitIpv4Header({
    source: parts.source.address,
    destination: parts.destination.address,
    protocol: parts.protocol,
    payloadBytes: parts.segment.length,
    hopLimit: options.hopLimit ?? 64,
    trafficClass: options.trafficClass ?? 0,
    identification: options.identification ?? 0,
    dontFragment: options.dontFragment ?? true,
    moreFragments: false,
    fragmentOffsetBytes: 0,
    options: ipv4Options,
  }, packet);
  packet.set(parts.segment, headerBytes);
  return packet;
}

function buildIpv6(options: FrameOptions, parts: Ends & { segment: Uint8Array }) {
  const extensions = emitExtensionHeaders(options.extensionHeaders ?? [], parts.protocol);
  const payloadBytes = extensions.bytes.length + parts.segment.length;
  const packet = new Uint8Array(IPV6_HEADER_BYTES + payloadBytes);
  emitIpv6Header({
    source: parts.source.address,
    destination: parts.destination.address,
    nextHeader: extensions.first,
    payloadBytes,
    hopLimit: options.hopLimit ?? 64,
    trafficClass: options.trafficClass ?? 0,
    flowLabel: options.flowLabel ?? 0,
  }, packet);
  packet.set(extensions.bytes, IPV6_HEADER_BYTES);
  packet.set(parts.segment, packet.length - parts.segment.length);
  return packet;
}

function buildSegment(options: FrameOptions, ends: Ends): Uint8Array {
  const payload = options.payload ?? NOTHING;
  const ports = { sourcePort: ends.source.port, destinationPort: ends.destination.port };
  switch (options.protocol) {
    case "tcp": {
      const tcpOptions = options.tcpOptions ?? NOTHING;
      const segment = withPayload(TCP_HEADER_BYTES + tcpOptions.length, payload);
      emitTcpHeader({
        ...ports,
        sequence: options.sequence ?? 1,
        acknowledgement: options.acknowledgement ?? 1,
        flags: options.flags ?? TCP_ACK,
        window: options.window ?? 65535,
        urgentPointer: options.urgentPointer ?? 0,
        options: tcpOptions,
      }, segment);
      return withChecksum(segment, 16, options, ends);
    }
    case "udp": {
      const segment = withPayload(UDP_HEADER_BYTES, payload);
      emitUdpHeader({ ...ports, payloadBytes: payload.length }, segment);
      return withChecksum(segment, 6, options, ends);
    }
    case "icmp": {
      const isV4 = ends.protocol === PROTOCOL_ICMP;
      const type = isV4 ? ICMPV4_ECHO_REQUEST : ICMPV6_ECHO_REQUEST;
      const segment = withPayload(ICMP_HEADER_BYTES, payload);
      emitIcmpHeader(options.icmp ?? { type, code: 0, rest: 0 }, segment);
      return withChecksum(segment, 2, options, ends);
    }
    default:
      return payload;
  }
}

function withPayload(headerBytes: number, payload: Uint8Array): Uint8Array {
  const segment = new Uint8Array(headerBytes + payload.length);
  segment.set(payload, headerBytes);
  return segment;
}

function withChecksum(segment: Uint8Array, at: number, options: FrameOptions, ends: Ends) {
  const view = viewOf(segment);
  const { address } = ends.source;
  const addresses = Int32Array.of(...address.words, ...ends.destination.address.words);
  const pseudo = ends.protocol === PROTOCOL_ICMP
    ? 0
    : pseudoHeaderSum(address.family, addresses, ends.protocol, segment.length);
  const full = finish(sum16(view, 0, segment.length, pseudo));
  if (typeof options.checksum === "number") view.setUint16(at, options.checksum);
  else if (options.checksum === "partial") view.setUint16(at, pseudo);
  else view.setUint16(at, full === 0 && ends.protocol === PROTOCOL_UDP ? 0xffff : full);
  return segment;
}

/**
 * Cuts an IP packet into fragments with at most `fragmentBytes` (a multiple of 8) of its payload in each. Extension headers
 * go to the first fragment.
 */
export function fragmentPacket(
  packet: Uint8Array,
  fragmentBytes: number,
  identification: number,
): Uint8Array<ArrayBuffer>[] {
  const isV4 = packet[0]! >>> 4 === 4;
  const headerBytes = isV4 ? (packet[0]! & 0x0f) * 4 : IPV6_HEADER_BYTES;
  const fragments: Uint8Array<ArrayBuffer>[] = [];
  for (let offset = 0; headerBytes + offset < packet.length; offset += fragmentBytes) {
    const start = headerBytes + offset;
    const part = packet.subarray(start, start + fragmentBytes);
    const more = start + fragmentBytes < packet.length;
    fragments.push((isV4 ? fragmentOfIpv4 : fragmentOfIpv6)(packet.subarray(0, headerBytes), part, {
      offset,
      more,
      identification,
    }));
  }
  return fragments;
}

interface FragmentPlace {
  readonly offset: number;
  readonly more: boolean;
  readonly identification: number;
}

function fragmentOfIpv4(header: Uint8Array, part: Uint8Array, place: FragmentPlace) {
  const fragment = new Uint8Array(header.length + part.length);
  fragment.set(header);
  fragment.set(part, header.length);
  const view = viewOf(fragment);
  view.setUint16(2, fragment.length);
  view.setUint16(4, place.identification);
  view.setUint16(6, (place.more ? 0x2000 : 0) | (place.offset / 8));
  view.setUint16(10, 0);
  view.setUint16(10, finish(sum16(view, 0, header.length)));
  return fragment;
}

function fragmentOfIpv6(header: Uint8Array, part: Uint8Array, place: FragmentPlace) {
  const fragment = new Uint8Array(header.length + 8 + part.length);
  fragment.set(header);
  fragment.set(part, header.length + 8);
  const view = viewOf(fragment);
  view.setUint16(4, 8 + part.length);
  view.setUint8(6, 44);
  view.setUint8(40, header[6]!);
  view.setUint16(42, place.offset | (place.more ? 1 : 0));
  view.setUint32(44, place.identification);
  return fragment;
}
