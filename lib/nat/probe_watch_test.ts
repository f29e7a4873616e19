import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { ETHERNET_HEADER_BYTES } from "../wire/ethernet.ts";
import { Packet } from "../wire/packet.ts";
import { datagramProbe } from "../wire/path_probe.ts";
import { ProbeWatch } from "./probe_watch.ts";

function probe(nonce: number, spoil?: (bytes: Uint8Array) => void): Packet {
  const bytes = datagramProbe({
    source: IpAddress.parse("203.0.113.10"),
    destination: IpAddress.parse("10.0.1.1"),
    nonce,
    sourceMac: new Uint8Array(6),
    destinationMac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  });
  spoil?.(bytes);
  const packet = new Packet();
  packet.attach(bytes.buffer);
  assert.equal(packet.parseFrame(0, bytes.length), 0);
  return packet;
}

Deno.test("a probe that was expected is told once; others are left to be dropped", () => {
  const seen: number[] = [];
  const watch = new ProbeWatch((nonce) => seen.push(nonce));
  assert.equal(watch.take(probe(5), false), false);
  watch.expect(5);
  watch.expect(6);
  assert.equal(watch.take(probe(7), false), false);
  assert.equal(watch.take(probe(5), false), true);
  assert.equal(watch.take(probe(5), false), false, "a copy");
  assert.deepEqual(seen, [5]);
});

Deno.test("a probe with a wrong checksum is none", () => {
  const watch = new ProbeWatch(() => assert.fail("told"));
  watch.expect(5);
  const checksumAt = ETHERNET_HEADER_BYTES + 20 + 6;
  const spoiled = probe(5, (bytes) => bytes[checksumAt] = bytes[checksumAt]! ^ 1);
  assert.equal(watch.take(spoiled, false), false);
});

Deno.test("of very many expected nonces the oldest are forgotten", () => {
  const seen: number[] = [];
  const watch = new ProbeWatch((nonce) => seen.push(nonce));
  for (let nonce = 1; nonce <= 1025; nonce++) watch.expect(nonce);
  assert.deepEqual([watch.take(probe(1), false), watch.take(probe(1025), false)], [false, true]);
  assert.deepEqual(seen, [1025]);
});
