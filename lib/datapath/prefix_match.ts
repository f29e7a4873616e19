/**
 * Parts of socket filters that compare an address with prefixes. Offsets count from the Ethernet
 * header, as programs of packet sockets see a frame.
 *
 * @module
 */

import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
  type BpfInstruction,
  jump,
  stmt,
} from "../linux/sockets_filter.ts";
import type { Prefix } from "../wire/prefix.ts";

/** A filter's answer "all of it": larger than any packet. */
export const TAKE: BpfInstruction = stmt(BPF_RET | BPF_K, 0x40000);
/** A filter's answer "none of it". */
export const LEAVE: BpfInstruction = stmt(BPF_RET | BPF_K, 0);

/**
 * Takes the frame when the address that starts at `offset` is in the prefix, else goes on behind.
 * The address is of the prefix's family, 4 or 16 bytes.
 */
export function takeWhenIn({ address, length }: Prefix, offset: number): BpfInstruction[] {
  if (address.family === 4) return [...matchWord(offset, address.words[3]!, length, 1), TAKE];
  const words = Math.max(1, Math.ceil(length / 32));
  const blocks: BpfInstruction[][] = [];
  let behind = 1;
  for (let i = words - 1; i >= 0; i--) {
    const bits = Math.min(32, length - i * 32);
    const block = matchWord(offset + i * 4, address.words[i]!, bits, behind);
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
