/**
 * Classic BPF programs for sockets: which packets a socket takes, or which member of a fanout
 * group takes them. Documentation/networking/filter.rst of the kernel describes the machine.
 */
import { mapAnonymous } from "./memory.ts";
import { SOCK_FILTER, SOCK_FPROG } from "./structs.ts";

/** One instruction, as in `struct sock_filter`. */
export interface BpfInstruction {
  /** Operation, size and mode, or-ed together. */
  readonly code: number;
  /** Instructions to skip when a jump's condition is true, 0 to 255. */
  readonly jt: number;
  /** And when it is false. */
  readonly jf: number;
  /** The operand, unsigned 32 bits. */
  readonly k: number;
}

/** linux/bpf_common.h: parts of an instruction's code. */
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_RET = 0x06;
export const BPF_MISC = 0x07;
export const BPF_W = 0x00;
export const BPF_H = 0x08;
export const BPF_B = 0x10;
export const BPF_IMM = 0x00;
export const BPF_ABS = 0x20;
export const BPF_IND = 0x40;
export const BPF_MEM = 0x60;
export const BPF_LEN = 0x80;
export const BPF_MSH = 0xa0;
export const BPF_ADD = 0x00;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_MOD = 0x90;
export const BPF_XOR = 0xa0;
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_K = 0x00;
export const BPF_X = 0x08;
export const BPF_A = 0x10;
export const BPF_TAX = 0x00;
export const BPF_TXA = 0x80;

/** What the kernel accepts at most (BPF_MAXINSNS). */
export const BPF_MAXINSNS = 4096;

/** An instruction that does not jump: `stmt(BPF_LD | BPF_H | BPF_ABS, 12)`. */
export function stmt(code: number, k: number): BpfInstruction {
  return { code, jt: 0, jf: 0, k };
}

/** A conditional jump: skips `jt` instructions when true, `jf` when false. */
export function jump(code: number, k: number, targets: { jt: number; jf: number }): BpfInstruction {
  return { code, jt: targets.jt, jf: targets.jf, k };
}

/** linux/filter.h: a BPF_ABS load of one byte at the sum of both reads whether the kernel has taken a VLAN tag out of the frame. */
export const SKF_AD_OFF = -0x1000;
export const SKF_AD_PKTTYPE = 4;
export const SKF_AD_VLAN_TAG_PRESENT = 48;

/** A program that takes nothing. */
export const DROP_ALL: readonly BpfInstruction[] = [stmt(BPF_RET | BPF_K, 0)];

/**
 * Hands `use` a `struct sock_fprog` that is good until it returns.
 *
 * Throws RangeError for a program that is empty or longer than the kernel accepts.
 */
export function withProgram<T>(
  program: readonly BpfInstruction[],
  use: (sockFprog: Uint8Array<ArrayBuffer>) => T,
): T {
  if (program.length === 0 || program.length > BPF_MAXINSNS) {
    throw new RangeError(`Cannot use a BPF program of ${program.length} instructions`);
  }
  const headBytes = SOCK_FPROG.size;
  using memory = mapAnonymous(headBytes + program.length * SOCK_FILTER.size);
  const view = new DataView(memory.buffer);
  view.setUint16(SOCK_FPROG.offsets.len, program.length, true);
  view.setBigUint64(SOCK_FPROG.offsets.filter, memory.address + BigInt(headBytes), true);
  program.forEach(({ code, jt, jf, k }, i) => {
    const at = headBytes + i * SOCK_FILTER.size;
    view.setUint16(at + SOCK_FILTER.offsets.code, code, true);
    view.setUint8(at + SOCK_FILTER.offsets.jt, jt);
    view.setUint8(at + SOCK_FILTER.offsets.jf, jf);
    view.setUint32(at + SOCK_FILTER.offsets.k, k, true);
  });
  return use(new Uint8Array(memory.buffer, 0, headBytes));
}
