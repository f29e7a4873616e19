import {
  BPF_ABS,
  BPF_B,
  BPF_H,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LEN,
  BPF_MAXINSNS,
  BPF_W,
  type BpfInstruction,
  jump,
  SKF_AD_OFF,
  SKF_AD_VLAN_TAG_PRESENT,
  stmt,
} from "../linux/sockets_filter.ts";
import type { Prefix } from "../wire/prefix.ts";
import { LEAVE, TAKE, takeWhenIn } from "./prefix_match.ts";

const ETHERTYPE = 12;
const VLAN_TAG_PRESENT_AT = SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT;
const IPV4_DESTINATION = 30;
const IPV6_DESTINATION = 38;

/**
 * The socket filter that lets the kernel hand over only packets for these destinations, so that
 * other traffic of the host costs nothing. Frames with a VLAN tag belong to another network: the
 * interface of that VLAN has them too, without the tag. A program for packet sockets: offsets count from the
 * Ethernet header. With more prefixes than a filter holds, everything of the family is taken and
 * the translator sorts it out.
 */
export function ingressFilter(destinations: readonly Prefix[]): BpfInstruction[] {
  return exactFilter(destinations) ?? filterOf([TAKE], [TAKE]);
}

/** The same, or null where it would take packets for other destinations too. */
export function exactFilter(destinations: readonly Prefix[]): BpfInstruction[] | null {
  const v4 = destinations.filter((p) => p.address.family === 4)
    .flatMap((p) => takeWhenIn(p, IPV4_DESTINATION));
  const v6 = destinations.filter((p) => p.address.family === 6)
    .flatMap((p) => takeWhenIn(p, IPV6_DESTINATION));
  if (v4.length + v6.length + 15 >= BPF_MAXINSNS) return null;
  return filterOf(
    [...takeWhenShort(IPV4_DESTINATION + 4), ...v4, LEAVE],
    [...takeWhenShort(IPV6_DESTINATION + 16), ...v6, LEAVE],
  );
}

/** Hands IPv4 packets to one part and IPv6 packets to the other; each part ends with an answer. */
function filterOf(
  ipv4: readonly BpfInstruction[],
  ipv6: readonly BpfInstruction[],
): BpfInstruction[] {
  return [
    stmt(BPF_LD | BPF_B | BPF_ABS, VLAN_TAG_PRESENT_AT >>> 0),
    jump(BPF_JMP | BPF_JEQ | BPF_K, 0, { jt: 1, jf: 0 }),
    LEAVE,
    stmt(BPF_LD | BPF_H | BPF_ABS, ETHERTYPE),
    jump(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, { jt: 0, jf: 1 }),
    // Unconditional jumps reach any distance, conditional ones 255 instructions.
    stmt(BPF_JMP, 3),
    jump(BPF_JMP | BPF_JEQ | BPF_K, 0x86dd, { jt: 1, jf: 0 }),
    LEAVE,
    stmt(BPF_JMP, ipv4.length),
    ...ipv4,
    ...ipv6,
  ];
}

/** A frame cut off before its destination is malformed whoever it was for; it is counted as such. */
function takeWhenShort(bytes: number): BpfInstruction[] {
  return [
    stmt(BPF_LD | BPF_W | BPF_LEN, 0),
    jump(BPF_JMP | BPF_JGE | BPF_K, bytes, { jt: 1, jf: 0 }),
    TAKE,
  ];
}
