/** For the tests of this folder: what the kernel does with a socket filter. */
import assert from "node:assert/strict";
import type { BpfInstruction } from "../linux/sockets_filter.ts";

/**
 * Runs the few instructions that our filters use (Documentation/networking/filter.rst); 0 means
 * that the socket does not get the frame.
 */
export function run(
  program: BpfInstruction[],
  frame: Uint8Array,
  { tagged = false }: { readonly tagged?: boolean } = {},
): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let a = 0;
  const VLAN_TAG_PRESENT = 0xfffff030;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc]!;
    if (k === VLAN_TAG_PRESENT && code === 0x30) {
      a = tagged ? 1 : 0;
      continue;
    }
    const lengthBytes = { 0x30: 1, 0x28: 2, 0x20: 4 }[code];
    if (lengthBytes !== undefined && k + lengthBytes > frame.length) return 0;
    if (code === 0x30) a = view.getUint8(k);
    else if (code === 0x28) a = view.getUint16(k);
    else if (code === 0x20) a = view.getUint32(k);
    else if (code === 0x54) a = (a & k) >>> 0;
    else if (code === 0x15) pc += a === k ? jt : jf;
    else if (code === 0x80) a = frame.length;
    else if (code === 0x35) pc += a >= k ? jt : jf;
    else if (code === 0x05) pc += k;
    else if (code === 0x06) return k;
    else assert.fail(`unknown instruction ${code}`);
  }
  return assert.fail("ran past the end");
}
