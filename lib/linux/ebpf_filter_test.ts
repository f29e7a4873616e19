import assert from "node:assert/strict";
import { dropWhatIsTaken } from "./ebpf_filter.ts";
import { BPF_ABS, BPF_H, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET } from "./sockets_filter.ts";
import { BPF_MISC, BPF_TAX, jump, stmt } from "./sockets_filter.ts";

Deno.test("dropWhatIsTaken() drops what a socket filter takes, and passes on what it leaves", () => {
  const filter = [
    stmt(BPF_LD | BPF_H | BPF_ABS, 12),
    jump(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, { jt: 1, jf: 0 }),
    stmt(BPF_RET | BPF_K, 0),
    stmt(BPF_RET | BPF_K, 0x40000),
  ];
  const words = new BigUint64Array(dropWhatIsTaken(filter).buffer);
  assert.deepEqual([...words].map((word) => word.toString(16).padStart(16, "0")), [
    "00000000000016bf", // r6 = r1
    "0000000c00000028", // r0 = the half word at 12
    "0000080000030016", // if w0 == 0x800 goto +3
    "0000000000000005", // goto +0
    "ffffffff000000b7", // r0 = TCX_NEXT
    "0000000000000095", // exit
    "00000002000000b7", // r0 = TCX_DROP
    "0000000000000095", // exit
  ]);
});

Deno.test("dropWhatIsTaken() refuses what it does not know", () => {
  assert.throws(() => dropWhatIsTaken([stmt(BPF_MISC | BPF_TAX, 0)]), RangeError);
});
