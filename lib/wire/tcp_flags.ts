/**
 * The control bits of TCP (RFC 9293 section 3.1) and which combinations of them a connection can produce.
 *
 * ```
 *  bit   7    6    5    4    3    2    1    0
 *      CWR  ECE  URG  ACK  PSH  RST  SYN  FIN
 * ```
 *
 * @module
 */

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
export const TCP_ECE = 0x40;
export const TCP_CWR = 0x80;

/** What a connection sends, PSH, ECE and CWR aside: the list of Linux, net/netfilter/nf_conntrack_proto_tcp.c `tcp_valid_flags`. */
const VALID_COMBINATIONS: readonly number[] = [
  TCP_SYN,
  TCP_SYN | TCP_URG,
  TCP_SYN | TCP_ACK,
  TCP_RST,
  TCP_RST | TCP_ACK,
  TCP_FIN | TCP_ACK,
  TCP_FIN | TCP_ACK | TCP_URG,
  TCP_ACK,
  TCP_ACK | TCP_URG,
];

/** 1 where the eight bits are a combination that a connection can produce. */
const VALID = Uint8Array.from(
  { length: 256 },
  (_, flags) => VALID_COMBINATIONS.includes(flags & ~(TCP_PSH | TCP_ECE | TCP_CWR)) ? 1 : 0,
);

/**
 * Whether a connection can produce these eight control bits. No flags at all, SYN with FIN or RST, FIN without ACK
 * ("XMAS" and its relatives) come from scanners, and different stacks read them differently.
 */
export function areFlagsValid(flags: number): boolean {
  return VALID[flags] === 1;
}
