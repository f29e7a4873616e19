import {
  BPF_ABS,
  BPF_B,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_MAXINSNS,
  type BpfInstruction,
  jump,
  stmt,
} from "../linux/sockets_filter.ts";
import { ICMPV6_NEIGHBOUR_ADVERTISEMENT, ICMPV6_NEIGHBOUR_SOLICITATION } from "../wire/icmpv6.ts";
import type { Prefix } from "../wire/prefix.ts";
import { PROTOCOL_ICMPV6 } from "../wire/protocol.ts";
import { LEAVE, TAKE, takeWhenIn } from "./prefix_match.ts";

const ARP_SENDER = 28;
const ARP_TARGET = 38;
const IPV6_NEXT_HEADER = 20;
const IPV6_SOURCE = 22;
const ICMPV6_TYPE = 54;
const NEIGHBOUR_TARGET = 62;

/**
 * For a socket of ETH_P_ARP: takes the messages that ask for one of these addresses or come from
 * one. With more prefixes than a filter holds, it takes all.
 */
export function arpFilter(prefixes: readonly Prefix[]): BpfInstruction[] {
  const tests = prefixes.filter(({ address }) => address.family === 4)
    .flatMap((prefix) => [...takeWhenIn(prefix, ARP_TARGET), ...takeWhenIn(prefix, ARP_SENDER)]);
  return tests.length < BPF_MAXINSNS ? [...tests, LEAVE] : [TAKE];
}

/**
 * For a socket of ETH_P_IPV6: takes neighbour solicitations and advertisements whose target or
 * source is one of these addresses. With more prefixes than a filter holds, it takes all of them.
 */
export function neighbourDiscoveryFilter(prefixes: readonly Prefix[]): BpfInstruction[] {
  const wanted = prefixes.filter(({ address }) => address.family === 6);
  if (wanted.length === 0) return [LEAVE];
  const tests = wanted.flatMap((prefix) => [
    ...takeWhenIn(prefix, NEIGHBOUR_TARGET),
    ...takeWhenIn(prefix, IPV6_SOURCE),
  ]);
  const equal = BPF_JMP | BPF_JEQ | BPF_K;
  const head = [
    stmt(BPF_LD | BPF_B | BPF_ABS, IPV6_NEXT_HEADER),
    jump(equal, PROTOCOL_ICMPV6, { jt: 1, jf: 0 }),
    LEAVE,
    stmt(BPF_LD | BPF_B | BPF_ABS, ICMPV6_TYPE),
    jump(equal, ICMPV6_NEIGHBOUR_SOLICITATION, { jt: 2, jf: 0 }),
    jump(equal, ICMPV6_NEIGHBOUR_ADVERTISEMENT, { jt: 1, jf: 0 }),
    LEAVE,
  ];
  return head.length + tests.length < BPF_MAXINSNS ? [...head, ...tests, LEAVE] : [...head, TAKE];
}
