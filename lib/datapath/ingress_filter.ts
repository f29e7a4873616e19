import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_H,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_MAXINSNS,
  BPF_RET,
  BPF_W,
  type BpfInstruction,
  jump,
  stmt,
} from "../linux/sockets_filter.ts";
import type { Prefix } from "../wire/prefix.ts";

const ETHERTYPE = 12;
const IPV4_DESTINATION = 30;
const IPV6_DESTINATION = 38;
/** A filter's answer "all of it": larger than any packet. */
const TAKE = stmt(BPF_RET | BPF_K, 0x40000);
const LEAVE = stmt(BPF_RET | BPF_K, 0);

/**
 * The socket filter that lets the kernel hand over only packets for these destinations, so that
 * other traffic of the host costs nothing. A program for packet sockets: offsets count from the
 * Ethernet header. With more prefixes than a filter holds, everything of the family is taken and
 * the translator sorts it out.
 */
export function ingressFilter(destinations: readonly Prefix[]): BpfInstruction[] {
  const v4 = destinations.filter((p) => p.address.family === 4).flatMap(matchIpv4);
  const v6 = destinations.filter((p) => p.address.family === 6).flatMap(matchIpv6);
  const fits = v4.length + v6.length + 8 < BPF_MAXINSNS;
  const first = fits ? [...v4, LEAVE] : [TAKE];
  const second = fits ? [...v6, LEAVE] : [TAKE];
  return [
    stmt(BPF_LD | BPF_H | BPF_ABS, ETHERTYPE),
    jump(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, { jt: 0, jf: 1 }),
    // Unconditional jumps reach any distance, conditional ones 255 instructions.
    stmt(BPF_JMP, 3),
    jump(BPF_JMP | BPF_JEQ | BPF_K, 0x86dd, { jt: 1, jf: 0 }),
    LEAVE,
    stmt(BPF_JMP, first.length),
    ...first,
    ...second,
  ];
}

/** Takes the packet when its destination is in the prefix, else goes on behind. */
function matchIpv4({ address, length }: Prefix): BpfInstruction[] {
  return [...matchWord(IPV4_DESTINATION, address.words[3]!, length, 1), TAKE];
}

function matchIpv6({ address, length }: Prefix): BpfInstruction[] {
  const words = Math.max(1, Math.ceil(length / 32));
  const blocks: BpfInstruction[][] = [];
  let behind = 1;
  for (let i = words - 1; i >= 0; i--) {
    const bits = Math.min(32, length - i * 32);
    const block = matchWord(IPV6_DESTINATION + i * 4, address.words[i]!, bits, behind);
    behind += block.length;
    blocks.unshift(block);
  }
  return [...blocks.flat(), TAKE];
}

/** Goes on when the leading bits of the word are those of `value`, else skips `skip` instructions. */
function matchWord(offset: number, value: number, bits: number, skip: number): BpfInstruction[] {
  const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  return [
    stmt(BPF_LD | BPF_W | BPF_ABS, offset),
    ...(bits === 32 ? [] : [stmt(BPF_ALU | BPF_AND | BPF_K, mask)]),
    jump(BPF_JMP | BPF_JEQ | BPF_K, (value & mask) >>> 0, { jt: 0, jf: skip }),
  ];
}
