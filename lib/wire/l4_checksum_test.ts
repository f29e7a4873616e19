import assert from "node:assert/strict";
import { IP_OFFSET, place } from "./_test_support.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "./build_frame.ts";
import { Ipv4View } from "./ipv4.ts";
import { fillL4, fillPartialL4, verifyL4 } from "./l4_checksum.ts";
import type { Packet } from "./packet.ts";
import { PARSED } from "./reason.ts";

const V4 = { source: "198.51.100.2:40000", destination: "203.0.113.10:80" } as const;
const V6 = { source: "[2001:db8:c::2]:40000", destination: "[2001:db8:f::10]:80" } as const;
const payload = Uint8Array.of(1, 2, 3);

const ALL: FrameOptions[] = [
  { ...V4, protocol: "tcp", payload },
  { ...V4, protocol: "udp", payload },
  { ...V6, protocol: "tcp", payload },
  { ...V6, protocol: "udp", payload },
  { protocol: "icmp", source: "198.51.100.2", destination: "203.0.113.10", payload },
  { protocol: "icmp", source: "2001:db8:c::2", destination: "2001:db8:f::10", payload },
];

function parsedOf(ip: Uint8Array): Packet {
  const { packet } = place(ip);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  return packet;
}

Deno.test("verifyL4() notices each single changed byte of the payload", () => {
  for (const options of ALL) {
    const packet = parsedOf(buildPacket(options));
    assert.ok(verifyL4(packet, false));
    for (let at = 1; at <= payload.length; at++) {
      const index = IP_OFFSET + packet.totalBytes - at;
      packet.bytes[index] = packet.bytes[index]! ^ 0x10;
      assert.ok(!verifyL4(packet, false));
      packet.bytes[index] = packet.bytes[index]! ^ 0x10;
    }
  }
});

Deno.test("fillL4() and fillPartialL4() write what verifyL4() wants", () => {
  for (const options of ALL) {
    const ip = buildPacket(options);
    const packet = parsedOf(ip);
    const isTransport = options.protocol !== "icmp";
    if (isTransport) {
      fillPartialL4(packet);
      assert.ok(verifyL4(packet, true));
      assert.ok(!verifyL4(packet, false));
      assert.deepEqual(
        packet.bytes.slice(IP_OFFSET, IP_OFFSET + ip.length),
        buildPacket({ ...options, checksum: "partial" }),
      );
    }
    fillL4(packet);
    assert.deepEqual(packet.bytes.slice(IP_OFFSET, IP_OFFSET + ip.length), ip);
  }
});

Deno.test("verifyL4() leaves a surplus behind UDP out of the sum", () => {
  const ip = buildPacket({ ...V4, protocol: "udp", payload });
  const longer = new Uint8Array(ip.length + 4).fill(0x77);
  longer.set(ip);
  longer[3] = longer.length;
  new Ipv4View(longer).fillChecksum();
  assert.ok(verifyL4(parsedOf(longer), false));
});

Deno.test("verifyL4() has nothing to say about fragments and about UDP without a checksum", () => {
  const whole = buildPacket({ ...V4, protocol: "udp", payload: new Uint8Array(100), checksum: 1 });
  assert.ok(!verifyL4(parsedOf(whole), false));
  for (const fragment of fragmentPacket(whole, 56, 1)) {
    assert.ok(verifyL4(parsedOf(fragment), false));
  }
  const none = parsedOf(buildPacket({ ...V4, protocol: "udp", payload, checksum: 0 }));
  assert.ok(verifyL4(none, false));
  // As a partial checksum it would be a sum, and this one is wrong.
  assert.ok(!verifyL4(none, true));
});
