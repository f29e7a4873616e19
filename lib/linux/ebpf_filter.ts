/**
 * Socket filters as programs of the traffic control layer: eBPF (Documentation/bpf of the kernel,
 * standardization/instruction-set.rst) that answers as the classic program does.
 */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LEN,
  BPF_RET,
  BPF_W,
  type BpfInstruction,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_AD_VLAN_TAG_PRESENT,
} from "./sockets_filter.ts";

const INSTRUCTION_BYTES = 8;
const PACKET_TYPE_AT = (SKF_AD_OFF + SKF_AD_PKTTYPE) >>> 0;
const VLAN_TAG_PRESENT_AT = (SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT) >>> 0;

/** linux/bpf.h: what a program at tcx answers. */
const TCX_NEXT = -1;
const TCX_DROP = 2;

/** Codes that classic BPF does not have: BPF_LDX | BPF_MEM | BPF_W, */
const LOAD_WORD = 0x61;
/** BPF_ALU64 | BPF_MOV | BPF_K and | BPF_X, */
const MOVE = 0xb7;
const MOVE_REGISTER = 0xbf;
/** BPF_JMP | BPF_EXIT, */
const EXIT = 0x95;
/** and the class BPF_JMP32. */
const JUMP32 = 0x06;
/** Where the context lies while the program runs, and must for BPF_ABS loads. */
const CONTEXT = 6;
/** `struct __sk_buff` of linux/bpf.h. */
const SK_BUFF_LEN = 0;
const SK_BUFF_PACKET_TYPE = 4;
const SK_BUFF_VLAN_PRESENT = 20;

interface Instruction {
  readonly code: number;
  readonly destination?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

/**
 * A program for tcx that drops what a socket filter takes, and leaves all else to others. Knows what
 * ingressFilter() and HostShield use of the classic machine.
 *
 * @throws {RangeError} for an instruction that it does not know
 */
export function dropWhatIsTaken(filter: readonly BpfInstruction[]): Uint8Array<ArrayBuffer> {
  const blocks = filter.map(translate);
  // One classic instruction may be two here: jumps count the new ones.
  const starts: number[] = [];
  let at = 1;
  for (const block of blocks) {
    starts.push(at);
    at += block.length;
  }
  const bytes = new Uint8Array(at * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  write(view, 0, { code: MOVE_REGISTER, destination: CONTEXT, source: 1 });
  blocks.forEach((block, i) => {
    block.forEach((instruction, n) => {
      const target = instruction.offset;
      const isJump = typeof target === "number" && isJumpCode(instruction.code);
      const own = starts[i]! + n;
      const offset = isJump ? starts[i + 1 + target]! - own - 1 : target ?? 0;
      write(view, own, { ...instruction, offset });
    });
  });
  return bytes;
}

/** Jumps have the number of classic instructions to skip as their offset. */
function translate({ code, jt, jf, k }: BpfInstruction): Instruction[] {
  const load = code & ~(BPF_H | BPF_B);
  if (load === (BPF_LD | BPF_ABS)) {
    if (k === PACKET_TYPE_AT) return [fromContext(SK_BUFF_PACKET_TYPE)];
    if (k === VLAN_TAG_PRESENT_AT) return [fromContext(SK_BUFF_VLAN_PRESENT)];
    return [{ code, immediate: k }];
  }
  switch (code) {
    case BPF_LD | BPF_W | BPF_LEN:
      return [fromContext(SK_BUFF_LEN)];
    case BPF_ALU | BPF_AND | BPF_K:
      return [{ code, immediate: k }];
    case BPF_RET | BPF_K:
      return [{ code: MOVE, immediate: k === 0 ? TCX_NEXT : TCX_DROP }, { code: EXIT }];
    case BPF_JMP | BPF_JA:
      return [{ code, offset: k }];
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_K:
      return [
        { code: code & ~BPF_JMP | JUMP32, offset: jt, immediate: k },
        { code: BPF_JMP | BPF_JA, offset: jf },
      ];
    default:
      throw new RangeError(`Cannot translate the BPF instruction with code ${code}`);
  }
}

function isJumpCode(code: number): boolean {
  const kind = code & 7;
  return code !== EXIT && (kind === BPF_JMP || kind === JUMP32);
}

function fromContext(offset: number): Instruction {
  return { code: LOAD_WORD, source: CONTEXT, offset };
}

function write(view: DataView, i: number, instruction: Instruction): void {
  const { code, destination = 0, source = 0, offset = 0, immediate = 0 } = instruction;
  const at = i * INSTRUCTION_BYTES;
  view.setUint8(at, code);
  view.setUint8(at + 1, source << 4 | destination);
  view.setInt16(at + 2, offset, true);
  view.setInt32(at + 4, immediate | 0, true);
}
