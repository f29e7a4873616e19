import assert from "node:assert/strict";
import { PacketRing } from "./packet_ring.ts";

Deno.test("packets come out of the ring as they went in, in order, round and round", () => {
  const ring = new PacketRing();
  const other = new PacketRing(ring.buffer);
  const to = new Uint8Array(70_000);
  let written = 0, read = 0;
  const push = (n: number) => ring.push(packet(n), 0, packet(n).length, n % 128);
  const packet = (n: number) => new Uint8Array(1 + (n * 7919) % 66_000).fill(n & 0xff);
  while (read < 400) {
    while (written < 400 && push(written)) written++;
    assert.ok(!other.empty);
    const length = other.shift(to, 3);
    assert.deepEqual(to.subarray(3, 3 + length), packet(read));
    assert.equal(other.link, read % 128);
    read++;
  }
  assert.equal(written, 400);
  assert.equal(other.shift(to, 0), 0);
  assert.ok(ring.empty);
});

Deno.test("a full ring takes no more, and what is in it stays whole", () => {
  const ring = new PacketRing();
  const packet = new Uint8Array(60_000).fill(7);
  let count = 0;
  while (ring.push(packet, 0, packet.length, 127)) count++;
  assert.equal(count, Math.floor((1 << 20) / 60_004));
  const to = new Uint8Array(60_000);
  for (; count > 0; count--) {
    assert.equal(ring.shift(to.fill(0), 0), 60_000);
    assert.deepEqual(to, packet);
  }
  assert.ok(ring.empty);
});
