/** The machine of classic BPF (Documentation/networking/filter.rst), as far as programs here use it. */
import type { BpfInstruction } from "../linux/sockets_filter.ts";

/** Runs a program over a packet; 0 when it reads past the end, as the kernel has it. */
export function runBpf(program: readonly BpfInstruction[], packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const memory = new Uint32Array(16);
  let a = 0, x = 0;
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at]!;
    const load = (place: number): number | null => {
      const bytes = [4, 2, 1][(code & 0x18) >> 3]!;
      if (place < 0 || place + bytes > packet.length) return null;
      return bytes === 4
        ? view.getUint32(place)
        : bytes === 2
        ? view.getUint16(place)
        : view.getUint8(place);
    };
    const jump = (condition: boolean) => at += condition ? jt : jf;
    const class_ = code & 7;
    if (class_ === 0) {
      const mode = code & 0xe0;
      const value = mode === 0x00
        ? k
        : mode === 0x60
        ? memory[k]!
        : load(mode === 0x40 ? x + k : k);
      if (value === null) return 0;
      a = value;
    } else if (class_ === 2) memory[k] = a;
    else if (class_ === 4) a = compute(code & 0xf0, a, (code & 8) !== 0 ? x : k);
    else if (class_ === 5) {
      const kind = code & 0xf0;
      if (kind === 0x00) at += k;
      else if (kind === 0x10) jump(a === k);
      else if (kind === 0x20) jump(a > k);
      else if (kind === 0x30) jump(a >= k);
      else jump((a & k) !== 0);
    } else if (class_ === 6) return (code & 0x18) === 0x10 ? a : k;
    else if ((code & 0xf8) === 0x80) a = x;
    else x = a;
  }
  throw new Error("The program ran past its end");
}

function compute(operation: number, a: number, operand: number): number {
  switch (operation) {
    case 0x00:
      return (a + operand) >>> 0;
    case 0x20:
      return Math.imul(a, operand) >>> 0;
    case 0x50:
      return (a & operand) >>> 0;
    case 0x60:
      return (a << operand) >>> 0;
    case 0x70:
      return a >>> operand;
    case 0x90:
      return a % operand;
    case 0xa0:
      return (a ^ operand) >>> 0;
    default:
      throw new Error(`The machine of this test has no operation ${operation}`);
  }
}
