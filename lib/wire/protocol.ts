/**
 * Numbers of the protocols above IP (IANA "Assigned Internet Protocol Numbers").
 *
 * @module
 */

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

/** The protocols that a service can have. */
export type TransportName = "tcp" | "udp";

/** `tcp`, `udp`, `icmp`, `icmpv6`; any other protocol is written as its number. */
export function protocolName(protocol: number): string {
  switch (protocol) {
    case PROTOCOL_TCP:
      return "tcp";
    case PROTOCOL_UDP:
      return "udp";
    case PROTOCOL_ICMP:
      return "icmp";
    case PROTOCOL_ICMPV6:
      return "icmpv6";
    default:
      return String(protocol);
  }
}

/**
 * The number of a protocol given by name.
 *
 * @throws RangeError when the name is not one of `tcp`, `udp`, `icmp`, `icmpv6`
 */
export function protocolNumber(name: string): number {
  switch (name) {
    case "tcp":
      return PROTOCOL_TCP;
    case "udp":
      return PROTOCOL_UDP;
    case "icmp":
      return PROTOCOL_ICMP;
    case "icmpv6":
      return PROTOCOL_ICMPV6;
    default:
      throw new RangeError(`Cannot tell the protocol number of "${name}": unknown protocol`);
  }
}
