import assert from "node:assert/strict";
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from "./pcapng.ts";

function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

Deno.test("a section header names the program and leaves its length open", () => {
  assert.deepEqual(
    sectionHeader({ program: "bypath 1", system: "Linux" }),
    hex(`
      0a0d0d0a 38000000 # section header, 56 bytes
      4d3c2b1a 0100 0000 # byte order magic, version 1.0
      ffffffff ffffffff # section length: not known
      0300 0500 4c696e75 78000000 # shb_os Linux
      0400 0800 62797061 74682031 # shb_userappl bypath 1
      0000 0000 # end of options
      38000000
    `),
  );
});

Deno.test("an interface has Ethernet frames and times in nanoseconds", () => {
  const it = { name: "nat a in", description: "d", snapBytes: 256, filter: "tcp" };
  assert.deepEqual(
    interfaceDescription(it),
    hex(`
      01000000 3c000000 # interface description, 60 bytes
      0100 0000 00010000 # Ethernet, snaplen 256
      0200 0800 6e617420 6120696e # if_name
      0300 0100 64000000 # if_description
      0900 0100 09000000 # if_tsresol: 10^-9
      0b00 0400 00746370 # if_filter: a text
      0000 0000
      3c000000
    `),
  );
});

Deno.test("a packet that was cut keeps its length, its comment and its direction", () => {
  const packet = {
    interface: 1,
    seconds: 1_700_000_000,
    nanoseconds: 5,
    isOutbound: true,
    bytes: Uint8Array.of(1, 2, 3, 4, 5),
    originalBytes: 65_549,
    comment: "após",
  };
  assert.deepEqual(
    enhancedPacket(packet),
    hex(`
      06000000 40000000 # enhanced packet, 64 bytes
      01000000 fe9c9717 05002a36 # interface 1; 1700000000000000005 ns
      05000000 0d000100 # 5 bytes of 65549
      01020304 05000000
      0100 0500 6170c3b3 73000000 # opt_comment, UTF-8
      0200 0400 02000000 # epb_flags: outbound
      0000 0000
      40000000
    `),
  );
});

Deno.test("statistics say what was taken and what was lost", () => {
  const it = { interface: 0, seconds: 0, nanoseconds: 1, accepted: 5, written: 3, lost: 2 };
  assert.deepEqual(
    interfaceStatistics(it),
    hex(`
      05000000 40000000 # interface statistics, 64 bytes
      00000000 00000000 01000000
      0500 0800 02000000 00000000 # isb_ifdrop
      0600 0800 05000000 00000000 # isb_filteraccept
      0800 0800 03000000 00000000 # isb_usrdeliv
      0000 0000
      40000000
    `),
  );
});

Deno.test("a long comment is cut rather than refused", () => {
  const block = enhancedPacket({
    interface: 0,
    seconds: 0,
    nanoseconds: 0,
    isOutbound: false,
    bytes: new Uint8Array(65_549),
    originalBytes: 65_549,
    comment: "x".repeat(70_000),
  });
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  assert.equal(view.getUint32(4, true), block.length);
  assert.equal(view.getUint32(block.length - 4, true), block.length);
});
