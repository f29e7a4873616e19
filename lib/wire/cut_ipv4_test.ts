import assert from "node:assert/strict";
import fc from "fast-check";
import { FENCE, IP_OFFSET, place } from "./_test_support.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "./build_frame.ts";
import { cutIpv4, mayCut } from "./cut_ipv4.ts";
import type { Packet } from "./packet.ts";
import { PARSED } from "./reason.ts";

const DATAGRAM: FrameOptions = {
  protocol: "udp",
  source: "10.0.0.11:53",
  destination: "10.0.1.1:2000",
  dontFragment: false,
  identification: 77,
};

function parsedOf(ip: Uint8Array): { packet: Packet; bytes: Uint8Array } {
  const { packet, bytes } = place(ip);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  return { packet, bytes };
}

/** The packet itself, cut, and the others. */
function cut(ip: Uint8Array, mtuBytes: number): Uint8Array[] {
  const { packet, bytes } = parsedOf(ip);
  const others = cutIpv4(packet, mtuBytes);
  assert.ok(bytes.subarray(IP_OFFSET + ip.length).every((byte) => byte === FENCE));
  return [bytes.slice(IP_OFFSET, IP_OFFSET + packet.totalBytes), ...others];
}

const anyCut = fc.record({
  payload: fc.uint8Array({ minLength: 100, maxLength: 3000 }),
  mtu: fc.integer({ min: 68, max: 127 }),
});

Deno.test("cutIpv4() makes the fragments that its sender would have made", () => {
  fc.assert(fc.property(anyCut, ({ payload, mtu }) => {
    const ip = buildPacket({ ...DATAGRAM, payload });
    assert.deepEqual(cut(ip, mtu), fragmentPacket(ip, (mtu - 20) & ~7, 77));
  }));
});

Deno.test("cutIpv4() of fragments makes smaller fragments of the same datagram", () => {
  fc.assert(fc.property(anyCut, ({ payload, mtu }) => {
    const ip = buildPacket({ ...DATAGRAM, payload });
    // A multiple of what the small ones carry, so that both ways of cutting meet.
    const part = (mtu - 20) & ~7;
    const large = fragmentPacket(ip, part * 3, 77);
    const small = large.flatMap((it) => it.length > 20 + part ? cut(it, 20 + part) : [it]);
    assert.deepEqual(small, fragmentPacket(ip, part, 77));
  }));
});

Deno.test("mayCut() spares what its sender or its header forbids", () => {
  const of = (options: Partial<FrameOptions>) =>
    mayCut(parsedOf(buildPacket({ ...DATAGRAM, ...options })).packet);
  assert.ok(of({}));
  assert.ok(!of({ dontFragment: true }));
  assert.ok(!of({ ipv4Options: new Uint8Array(4).fill(1) }));
  assert.ok(!of({ source: "[2001:db8::1]:53", destination: "[2001:db8::2]:53" }));
});
