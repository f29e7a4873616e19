/**
 * Small packets that show whether the network lets pass what an agent sends with a virtual address as
 * its source. It sends them to the router before the clients, and each that passes comes to the NAT
 * machine: a datagram to one of its addresses, if the router knows the way there; an echo request to
 * the router itself, whose reply goes to the virtual address.
 *
 * ```
 *  UDP, from and to port 9 (discard), or echo
 *  | magic, 8 bytes | nonce, 8 bytes |
 * ```
 *
 * @module
 */

import type { IpAddress } from "./address.ts";
import { buildFrame, type FrameOptions } from "./build_frame.ts";
import { formatMac } from "./ethernet.ts";
import { ICMP_HEADER_BYTES } from "./icmp.ts";
import { ICMPV4_ECHO_REPLY } from "./icmpv4.ts";
import { ICMPV6_ECHO_REPLY } from "./icmpv6.ts";
import type { Packet } from "./packet.ts";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP } from "./protocol.ts";
import { UDP_HEADER_BYTES } from "./udp.ts";

const PORT = 9;
const MAGIC_HIGH = 0x62797061; // "bypa"
const MAGIC_LOW = 0x74683f0a; // "th?" and a newline
const PAYLOAD_BYTES = 16;

/** Nonces are whole numbers from 1 to this: they travel as numbers through rings. */
export const MAXIMUM_PROBE_NONCE = 2 ** 48 - 1;

export interface ProbeOptions {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly nonce: number;
  readonly sourceMac: Uint8Array;
  readonly destinationMac: Uint8Array;
}

/** The Ethernet frame of a datagram to the NAT machine; small enough for a FrameSender. */
export function datagramProbe(options: ProbeOptions): Uint8Array<ArrayBuffer> {
  const end = ({ family }: IpAddress, text: string) =>
    `${family === 4 ? text : `[${text}]`}:${PORT}`;
  return probeFrame(options, {
    protocol: "udp",
    source: end(options.source, String(options.source)),
    destination: end(options.destination, String(options.destination)),
  });
}

/** Likewise of an echo request to the router. */
export function echoProbe(options: ProbeOptions): Uint8Array<ArrayBuffer> {
  return probeFrame(options, {
    protocol: "icmp",
    source: String(options.source),
    destination: String(options.destination),
  });
}

/** The nonce of a parsed packet that is a probe, or the router's reply to one; 0: it is neither. */
export function probeNonce(packet: Packet): number {
  if (packet.isFragment || packet.payloadBytes !== PAYLOAD_BYTES) return 0;
  const headerBytes = probeHeaderBytes(packet);
  if (headerBytes === 0) return 0;
  const at = packet.l4Offset + headerBytes;
  const { view } = packet;
  if (view.getUint32(at) !== MAGIC_HIGH || view.getUint32(at + 4) !== MAGIC_LOW) return 0;
  const nonce = view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12);
  return nonce <= MAXIMUM_PROBE_NONCE ? nonce : 0;
}

function probeHeaderBytes({ protocol, sourcePort, destinationPort, icmpType }: Packet): number {
  if (protocol === PROTOCOL_UDP) {
    return sourcePort === PORT && destinationPort === PORT ? UDP_HEADER_BYTES : 0;
  }
  const isReply = protocol === PROTOCOL_ICMP
    ? icmpType === ICMPV4_ECHO_REPLY
    : protocol === PROTOCOL_ICMPV6 && icmpType === ICMPV6_ECHO_REPLY;
  return isReply ? ICMP_HEADER_BYTES : 0;
}

function probeFrame(
  { nonce, sourceMac, destinationMac }: ProbeOptions,
  what: Pick<FrameOptions, "protocol" | "source" | "destination">,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  const view = new DataView(payload.buffer);
  view.setUint32(0, MAGIC_HIGH);
  view.setUint32(4, MAGIC_LOW);
  view.setUint32(8, Math.floor(nonce / 2 ** 32));
  view.setUint32(12, nonce >>> 0);
  return buildFrame({
    ...what,
    payload,
    sourceMac: formatMac(sourceMac),
    destinationMac: formatMac(destinationMac),
  });
}
