import assert from "node:assert/strict";
import { mapAnonymous } from "../linux/memory.ts";
import { COUNTER, makeCounters } from "../session/counters.ts";
import type { NextHops } from "./next_hops.ts";
import { ReplyQueue } from "./reply_queue.ts";

const NO_SOCKET = -1;
const RESOLVED = 1, UNRESOLVED = 2;
const SLOT_BYTES = 256;

function setUp() {
  const memory = mapAnonymous(4096);
  const counters = makeCounters();
  const hops: Partial<NextHops> = {
    mtu: () => 200,
    output: () => 0,
    resolved: (hop) => hop === RESOLVED,
    writeEthernet: (_hop, view, slot) => view.setUint16(slot + 10 + 12, 0x0800),
  };
  const queue = new ReplyQueue({
    memory,
    // Three for a batch, one to wait in.
    slots: [0, 1, 2, 3].map((i) => i * SLOT_BYTES),
    slotBytes: SLOT_BYTES,
    outputs: [NO_SOCKET],
    hops: hops as NextHops,
    counters,
  });
  return { memory, counters, queue, bytes: new Uint8Array(memory.buffer) };
}

Deno.test("a reply queue takes as many packets as it has slots, and again after a flush", () => {
  const { memory, counters, queue } = setUp();
  using _ = memory;
  const packet = new Uint8Array(100);
  const taken = [1, 2, 3, 4].map(() => queue.emit(packet, RESOLVED));
  assert.deepEqual(taken, [true, true, true, false]);
  queue.flush();
  assert.equal(counters[COUNTER.replies], 0, "what no socket took is not counted as sent");
  assert.ok(queue.emit(packet, RESOLVED));
});

Deno.test("a reply lies in its slot like any packet, complete", () => {
  const { memory, queue, bytes } = setUp();
  using _ = memory;
  bytes.fill(0xa5, 0, 512);
  queue.emit(new Uint8Array(100).fill(7), RESOLVED);
  assert.deepEqual(bytes.slice(0, 10), new Uint8Array(10));
  assert.deepEqual(bytes.slice(22, 24), Uint8Array.of(8, 0));
  assert.ok(bytes.subarray(24, 124).every((byte) => byte === 7));
  assert.ok(bytes.subarray(124, 512).every((byte) => byte === 0xa5));
});

Deno.test("what is too large for the link is refused; what waits for a neighbour is not", () => {
  const { memory, queue, bytes } = setUp();
  using _ = memory;
  assert.ok(!queue.emit(new Uint8Array(201), RESOLVED));
  assert.ok(queue.emit(new Uint8Array(200), RESOLVED));
  assert.ok(queue.emit(new Uint8Array(100).fill(9), UNRESOLVED));
  // Away from the slots that the next batch uses.
  assert.equal(bytes[3 * SLOT_BYTES + 24], 9);
  queue.flush();
  queue.release(UNRESOLVED);
  queue.flush();
});
