/**
 * One packet on the packet path: where its headers are and what they say.
 *
 * A `Packet` is made once and used for every packet of a worker. `parse` reads the bytes in place and fills the fields;
 * it never throws and never allocates, whatever the bytes are, and refuses with a reason what a network should not carry.
 * Nothing is written. `rewrite.ts` changes a parsed packet.
 *
 * ```
 *  ipOffset                    l4Offset
 *  |<-- ipHeaderBytes -------->|<-- l4Bytes ------------------------------>|
 *  | IP header, options, ext.  | TCP, UDP, ICMP header | payloadBytes      | padding of the frame, ignored
 *  |<-- totalBytes ------------------------------------------------------->|
 * ```
 *
 * @module
 */

import { ETHERNET_HEADER_BYTES, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "./ethernet.ts";
import { parseIpv4 } from "./_parse_ipv4.ts";
import { parseIpv6 } from "./_parse_ipv6.ts";
import { parseTransport } from "./_parse_transport.ts";
import { BAD_VERSION, NOT_IP, NOT_UNICAST, PARSED, TOO_SHORT, UNKNOWN_PROTOCOL } from "./reason.ts";

const SMALLEST_IP_HEADER_BYTES = 20;

/** A reusable view of one packet. All fields are valid after `parse` returned `PARSED`, until the next `parse`. */
export class Packet {
  /** The whole buffer that packets are in; offsets count from its start. */
  view: DataView<ArrayBuffer> = new DataView(new ArrayBuffer(0));
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  family: 4 | 6 = 4;
  /** The protocol above IP, extension headers stepped over. */
  protocol = 0;
  ipOffset = 0;
  /** Bytes given to `parse`: `totalBytes` and the padding of the frame. */
  givenBytes = 0;
  /** IP header with options and extension headers. */
  ipHeaderBytes = 0;
  /** IP header and payload. */
  totalBytes = 0;
  /** Where the header above IP starts, counted from the start of the buffer. */
  l4Offset = 0;
  l4Bytes = 0;
  /** Source in words 0-3, destination in 4-7, in network order as signed integers; IPv4 in mapped form. */
  readonly addresses: Int32Array = new Int32Array(8);
  /** 0 for ICMP, and for a fragment that is not the first. */
  sourcePort = 0;
  destinationPort = 0;
  hopLimit = 0;
  /** IPv4 options or any IPv6 extension header. */
  hasOptions = false;
  /** The DF bit; always true for IPv6, which routers never fragment. */
  dontFragment = false;
  /** Part of a datagram. An IPv6 atomic fragment (RFC 6946) is whole, so it is none. */
  isFragment = false;
  fragmentOffsetBytes = 0;
  moreFragments = false;
  /** IPv4: 16 bits. IPv6: the 32 bits of the fragment header as a signed integer, 0 without one. */
  identification = 0;
  /** Where the IPv6 fragment header starts; 0 without one. */
  fragmentHeaderOffset = 0;

  /** TCP only: the eight control bits, see `tcp_flags.ts`. 0 for other protocols. */
  tcpFlags = 0;
  /** TCP only: as a signed integer, so that `(a - b) | 0` compares (RFC 9293 section 3.4). */
  tcpSequence = 0;
  /** TCP only: as `tcpSequence`. */
  tcpAcknowledgement = 0;
  /** TCP only: as it stands in the header, not scaled. */
  tcpWindow = 0;
  /** ICMP and ICMPv6 only. */
  icmpType = 0;
  icmpCode = 0;
  /** Bytes after the TCP, UDP or ICMP header; all of `l4Bytes` in a fragment that is not the first. */
  payloadBytes = 0;

  /** Takes the buffer that all packets are in. */
  attach(buffer: ArrayBuffer): void {
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /**
   * Parses the IP packet at `ipOffset`.
   *
   * @param lengthBytes bytes from there to the end of the frame; what exceeds the length in the IP header is padding
   * @returns `PARSED`, or a reason of `reason.ts`. After `UNKNOWN_PROTOCOL` the fields of the IP layer are valid too,
   * so that an error can be answered.
   */
  parse(ipOffset: number, lengthBytes: number): number {
    if (
      lengthBytes < SMALLEST_IP_HEADER_BYTES || ipOffset < 0 ||
      ipOffset + lengthBytes > this.bytes.length
    ) return TOO_SHORT;
    this.ipOffset = ipOffset;
    this.givenBytes = lengthBytes;
    const version = this.bytes[ipOffset]! >>> 4;
    let reason = BAD_VERSION;
    if (version === 4) reason = parseIpv4(this, lengthBytes);
    else if (version === 6) reason = parseIpv6(this, lengthBytes);
    return reason === PARSED ? parseTransport(this) : reason;
  }

  /**
   * Parses an Ethernet frame: an IP packet after a header of 14 bytes. VLAN tags and LLC are not IP.
   *
   * @returns as `parse`; `NOT_IP` for other Ethernet types; `NOT_UNICAST` for a frame that was sent to a group, whatever
   * the packet in it says (RFC 1122 section 3.3.6)
   */
  parseFrame(frameOffset: number, frameBytes: number): number {
    if (
      frameBytes < ETHERNET_HEADER_BYTES || frameOffset < 0 ||
      frameOffset + frameBytes > this.bytes.length
    ) return TOO_SHORT;
    const etherType = this.view.getUint16(frameOffset + 12);
    if (etherType !== ETHERTYPE_IPV4 && etherType !== ETHERTYPE_IPV6) return NOT_IP;
    if ((this.bytes[frameOffset]! & 1) !== 0) return NOT_UNICAST;
    const reason = this.parse(
      frameOffset + ETHERNET_HEADER_BYTES,
      frameBytes - ETHERNET_HEADER_BYTES,
    );
    if (reason !== PARSED && reason !== UNKNOWN_PROTOCOL) return reason;
    return (etherType === ETHERTYPE_IPV4) === (this.family === 4) ? reason : BAD_VERSION;
  }
}
