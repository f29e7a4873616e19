/**
 * Types and codes of ICMP for IPv4 (RFC 792, RFC 1122 section 3.2.2, RFC 1812 section 5.2.7) that a translator meets.
 *
 * @module
 */

export const ICMPV4_ECHO_REPLY = 0;
export const ICMPV4_UNREACHABLE = 3;
export const ICMPV4_SOURCE_QUENCH = 4;
export const ICMPV4_REDIRECT = 5;
export const ICMPV4_ECHO_REQUEST = 8;
export const ICMPV4_TIME_EXCEEDED = 11;
export const ICMPV4_PARAMETER_PROBLEM = 12;

export const UNREACHABLE_NET = 0;
export const UNREACHABLE_HOST = 1;
export const UNREACHABLE_PROTOCOL = 2;
export const UNREACHABLE_PORT = 3;
export const UNREACHABLE_FRAGMENTATION_NEEDED = 4;
export const UNREACHABLE_PROHIBITED = 13;

export const TIME_EXCEEDED_TRANSIT = 0;
export const TIME_EXCEEDED_REASSEMBLY = 1;

/**
 * Whether it is an error about a packet, which has to be translated (RFC 5508 REQ-10). Source quench and redirect are
 * errors too by RFC 792, and never to be translated or followed.
 */
export function isIcmpv4Error(type: number): boolean {
  return type === ICMPV4_UNREACHABLE || type === ICMPV4_TIME_EXCEEDED ||
    type === ICMPV4_PARAMETER_PROBLEM;
}
