import assert from "node:assert/strict";
import { Packet } from "../../lib/wire/packet.ts";

const PACKETS = 1_000_000;
/** A packet lies behind room for its virtio_net_hdr, which stays zero, and its Ethernet header. */
const IP_OFFSET = 24;
/** Measured between collections: a float for each packet would be 16 bytes. */
const WINDOW = 50_000;
const ALLOWED_BYTES_PER_PACKET = 2;

/**
 * Puts a million packets through parsing and `handle`, and fails when the heap grows with their
 * number. Prints what it measured.
 *
 * @param inputs packets, taken in turn and copied before each use
 * @param handle returns a positive number for a packet that was forwarded; its slot starts at 0
 */
export function checkPacketHeap(
  inputs: readonly Uint8Array[],
  handle: (packet: Packet) => number,
): void {
  const buffer = new ArrayBuffer(4096);
  const bytes = new Uint8Array(buffer);
  const packet = new Packet();
  packet.attach(buffer);
  let next = 0;
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      const input = inputs[next++ % inputs.length]!;
      bytes.set(input, IP_OFFSET);
      if (packet.parse(IP_OFFSET, input.length) !== 0 || handle(packet) <= 0) return false;
    }
    return true;
  };
  assert.ok(run(200_000), "a packet of the measurement was not forwarded");
  const growth: number[] = [];
  const started = performance.now();
  for (let done = 0; done < PACKETS; done += WINDOW) {
    const before = Deno.memoryUsage().heapUsed;
    run(WINDOW);
    growth.push(Deno.memoryUsage().heapUsed - before);
  }
  const nanoseconds = (performance.now() - started) * 1e6 / PACKETS;
  // The median: a collection makes a window negative, compiling makes one or two large.
  const median = growth.toSorted((a, b) => a - b)[growth.length >> 1]!;
  const perPacket = median / WINDOW;
  console.log(
    `${PACKETS} packets, ${perPacket.toFixed(3)} bytes of heap and ${
      nanoseconds.toFixed(0)
    } ns each`,
  );
  assert.ok(perPacket < ALLOWED_BYTES_PER_PACKET, `${perPacket} bytes of heap for each packet`);
}
