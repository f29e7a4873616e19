/**
 * Types and codes of ICMPv6 (RFC 4443, RFC 4861) that a translator meets.
 *
 * @module
 */

export const ICMPV6_UNREACHABLE = 1;
export const ICMPV6_TOO_BIG = 2;
export const ICMPV6_TIME_EXCEEDED = 3;
export const ICMPV6_PARAMETER_PROBLEM = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_NEIGHBOUR_SOLICITATION = 135;
export const ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136;
export const ICMPV6_REDIRECT = 137;

export const UNREACHABLE_NO_ROUTE = 0;
export const UNREACHABLE_PROHIBITED = 1;
export const UNREACHABLE_ADDRESS = 3;
export const UNREACHABLE_PORT = 4;

/** Code of a parameter problem: unrecognized next header. */
export const PARAMETER_NEXT_HEADER = 1;

export const TIME_EXCEEDED_TRANSIT = 0;
export const TIME_EXCEEDED_REASSEMBLY = 1;

/** Whether it is an error about a packet: every type below 128 is (RFC 4443 section 2.1), and four are assigned. */
export function isIcmpv6Error(type: number): boolean {
  return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
}

/** Whether it belongs to one link alone (router and neighbour discovery, redirect, multicast listeners) and is never translated. */
export function isLinkLocalMessage(type: number): boolean {
  return (type >= 130 && type <= 137) || type === 143;
}
