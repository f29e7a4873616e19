import assert from "node:assert/strict";
import { mapAnonymous } from "../linux/memory.ts";
import { CAPTURED, readCaptured } from "../session/capture_record.ts";
import { parseCaptureFilter } from "../session/capture_filter.ts";
import { DROP } from "../session/drop_reason.ts";
import { CaptureRing, makeCaptureRing } from "./capture_ring.ts";
import { CaptureTap } from "./capture_tap.ts";
import { HANDED, KEPT } from "./engine.ts";

const FRAME_BYTES = 14 + 40;
const SLOT = 1024;

/** A TCP segment from 198.51.100.2:40000 to 203.0.113.10:80, in a slot. */
function fill(bytes: Uint8Array, slot: number): void {
  bytes.fill(0, slot, slot + 512);
  const packet = "45000028000040004006a9e8c6336402cb00710a" +
    "9c40005000000001000000005002ffff0000" +
    "0000";
  const octets = packet.match(/../g)!.map((pair) => parseInt(pair, 16));
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], slot + 10);
  bytes.set(octets, slot + 24);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) if (i !== 10) sum += octets[i]! * 256 + octets[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes.set([(~sum >> 8) & 0xff, ~sum & 0xff], slot + 34);
}

function setUp(options: { filter?: string; snapBytes?: number; ringBytes?: number } = {}) {
  const memory = mapAnonymous(8192);
  const ring = makeCaptureRing(options.ringBytes ?? 4096);
  const tap = new CaptureTap(
    {
      id: 1,
      ring,
      snapBytes: options.snapBytes ?? 4096,
      filter: parseCaptureFilter(options.filter ?? ""),
      worker: 0,
      workers: 1,
    },
    {
      memory: memory.buffer,
      hasEthernet: (source) => source === 0,
      linkOf: (source) => source,
      forget: () => {
        known = 0;
      },
      describe: (subject) => {
        subject.slot = known;
        if (known === 0) return;
        subject.id = 42;
        subject.path = "nat";
        subject.fromClient = true;
      },
    },
  );
  const bytes = new Uint8Array(memory.buffer);
  fill(bytes, SLOT);
  /** The session of the packet that the handler was given last. */
  let known = 0;
  const reader = new CaptureRing(ring);
  return {
    memory,
    bytes,
    tap,
    /** The handler is asked about the packet that came. */
    asked: () => {
      known = 7;
    },
    counts: () => reader.counts,
    take: () => [...readCaptured(reader.take(1 << 20))],
  };
}

Deno.test("a packet is captured as it came, though it is changed before its verdict, and as it leaves", () => {
  const { memory, bytes, tap, take, asked } = setUp();
  using _ = memory;
  tap.arrived(0, SLOT, FRAME_BYTES);
  assert.deepEqual(take(), [], "nothing is shown before the verdict");
  bytes[SLOT + 24 + 19] = 99;
  asked();
  tap.decided(3);
  tap.leaving(1, SLOT, FRAME_BYTES, false);
  const [came, left, ...more] = take();
  assert.deepEqual(more, []);
  assert.deepEqual([came!.frame[14 + 19], left!.frame[14 + 19]], [10, 99]);
  assert.deepEqual(
    [came!, left!].map(({ flags, link, slot, id, reason, number }) => ({
      ...{ flags, link, slot, id, reason, number },
    })),
    [
      { flags: CAPTURED.nat | CAPTURED.fromClient, link: 0, slot: 7, id: 42, reason: 0, number: 1 },
      {
        ...{ flags: CAPTURED.out | CAPTURED.nat | CAPTURED.fromClient, link: 1 },
        ...{ slot: 7, id: 42, reason: 0, number: 1 },
      },
    ],
  );
  assert.ok(Math.abs(came!.seconds - Date.now() / 1000) < 5);
});

Deno.test("a packet that is cut keeps its length; what came from a tun device gets an Ethernet header", () => {
  const { memory, tap, take } = setUp({ snapBytes: 20 });
  using _ = memory;
  tap.arrived(1, SLOT, FRAME_BYTES);
  tap.decided(-DROP.noSession);
  const [packet] = take();
  assert.deepEqual([packet!.frame.length, packet!.frameBytes], [20, FRAME_BYTES]);
  assert.equal(packet!.reason, DROP.noSession);
  assert.deepEqual([...packet!.frame.subarray(0, 14)], [...Array(12).fill(0), 8, 0]);
});

Deno.test("what the filter does not want is counted, what has no room is counted as lost", () => {
  const { memory, tap, take, counts } = setUp({ filter: "not dropped", ringBytes: 256 });
  using _ = memory;
  const pass = (verdict: number) => {
    tap.arrived(0, SLOT, FRAME_BYTES);
    tap.decided(verdict);
  };
  pass(-DROP.noService);
  assert.deepEqual(counts(), { captured: 0, filtered: 1, lost: 0 });
  for (let i = 0; i < 5; i++) pass(1);
  assert.deepEqual(counts(), { captured: 2, filtered: 1, lost: 3 });
  assert.equal(take().length, 2);
  pass(KEPT);
  // Over the end of the ring, in one piece.
  pass(1);
  const flags = take().map((packet) => packet.flags & CAPTURED.kept);
  assert.deepEqual(flags, [CAPTURED.kept, 0]);
});

Deno.test("a packet that had to wait, and one of our own, belong to no session", () => {
  const { memory, bytes, tap, take } = setUp();
  using _ = memory;
  fill(bytes, 4096);
  tap.arrived(0, SLOT, FRAME_BYTES);
  tap.decided(1);
  tap.leaving(0, 4096, FRAME_BYTES, false);
  tap.leaving(0, SLOT, FRAME_BYTES, true);
  tap.lost(4096, FRAME_BYTES, DROP.neighbour);
  const [, waited, own, lost] = take();
  assert.deepEqual([waited!.slot, waited!.number, waited!.flags], [0, 0, CAPTURED.out]);
  assert.deepEqual([own!.slot, own!.flags], [0, CAPTURED.out | CAPTURED.own]);
  assert.deepEqual([lost!.reason, lost!.flags], [DROP.neighbour, CAPTURED.out]);
});

Deno.test("what the handler was not asked about is of no session, whosever the packet before was", () => {
  const { memory, tap, take, asked } = setUp();
  using _ = memory;
  tap.arrived(0, SLOT, FRAME_BYTES);
  asked();
  tap.decided(1);
  tap.arrived(0, SLOT, FRAME_BYTES);
  tap.decided(-DROP.noSession);
  assert.deepEqual(take().map(({ slot, id }) => [slot, id]), [[7, 42], [0, 0]]);
});

Deno.test("a packet that another worker has now is left to that one", () => {
  const { memory, tap, take, counts } = setUp();
  using _ = memory;
  tap.arrived(0, SLOT, FRAME_BYTES);
  tap.decided(HANDED);
  assert.deepEqual(take(), []);
  assert.deepEqual(counts(), { captured: 0, filtered: 0, lost: 0 });
});

Deno.test("records that are cut or lie about their length end the reading", () => {
  const { memory } = setUp();
  using _ = memory;
  const ring = makeCaptureRing(4096);
  const other = new CaptureTap({
    id: 2,
    ring,
    snapBytes: 4096,
    filter: null,
    worker: 0,
    workers: 1,
  }, {
    memory: memory.buffer,
    hasEthernet: () => true,
    linkOf: () => 0,
    forget: () => {},
    describe: () => {},
  });
  other.arrived(0, SLOT, FRAME_BYTES);
  other.decided(1);
  const whole = new CaptureRing(ring).take(1 << 20);
  for (let length = 0; length < whole.length; length++) {
    assert.deepEqual([...readCaptured(whole.slice(0, length))], []);
  }
  const lying = whole.slice();
  new DataView(lying.buffer).setUint32(4, 0xffffffff, true);
  assert.deepEqual([...readCaptured(lying)], []);
});
