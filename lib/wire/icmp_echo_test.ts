import assert from "node:assert/strict";
import fc from "fast-check";
import * as real from "./_real_packets.ts";
import { anyAddress, FENCE, IP_OFFSET, place } from "./_test_support.ts";
import { buildPacket, fragmentPacket } from "./build_frame.ts";
import { isEchoRequest, turnEcho } from "./icmp_echo.ts";
import { verifyL4 } from "./l4_checksum.ts";
import { PARSED } from "./reason.ts";

const anyEcho = fc.constantFrom<4 | 6>(4, 6).chain((family) =>
  fc.record({
    family: fc.constant(family),
    source: anyAddress(family),
    destination: anyAddress(family),
    hopLimit: fc.integer({ min: 1, max: 255 }),
    rest: fc.nat(0xffffffff),
    payload: fc.uint8Array({ maxLength: 100 }),
    partial: family === 6 ? fc.boolean() : fc.constant(false),
  })
).filter(({ source, destination }) => !source.equals(destination));

Deno.test("turnEcho() makes the packet that the other end would have sent, to the byte", () => {
  fc.assert(
    fc.property(anyEcho, ({ family, source, destination, hopLimit, rest, payload, partial }) => {
      const common = { protocol: "icmp", payload } as const;
      const checksum = partial ? "partial" : "full";
      const request = buildPacket({
        ...common,
        checksum,
        hopLimit,
        source: String(source),
        destination: String(destination),
        icmp: { type: family === 4 ? 8 : 128, code: 0, rest },
      });
      const { packet, bytes } = place(request);
      assert.equal(packet.parse(IP_OFFSET, request.length), PARSED);
      assert.ok(isEchoRequest(packet));
      turnEcho(packet, partial);
      const reply = buildPacket({
        ...common,
        checksum,
        hopLimit: 64,
        source: String(destination),
        destination: String(source),
        icmp: { type: family === 4 ? 0 : 129, code: 0, rest },
      });
      assert.deepEqual(bytes.slice(IP_OFFSET, IP_OFFSET + request.length), reply);
      assert.ok(bytes.subarray(IP_OFFSET + request.length).every((byte) => byte === FENCE));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("turnEcho() keeps a wrong checksum wrong", () => {
  const request = buildPacket({
    protocol: "icmp",
    source: "198.51.100.2",
    destination: "203.0.113.10",
    checksum: 0x1234,
  });
  const { packet } = place(request);
  packet.parse(IP_OFFSET, request.length);
  turnEcho(packet, false);
  packet.parse(IP_OFFSET, request.length);
  assert.ok(!verifyL4(packet, false));
});

Deno.test("turnEcho() of every fragment is the reply in fragments", () => {
  const ends = { source: "198.51.100.2", destination: "203.0.113.10" };
  const back = { source: ends.destination, destination: ends.source };
  const common = { protocol: "icmp", dontFragment: false, payload: real.UDP_V4 } as const;
  const request = buildPacket({ ...common, ...ends, icmp: { type: 8, code: 0, rest: 99 } });
  const reply = buildPacket({ ...common, ...back, icmp: { type: 0, code: 0, rest: 99 } });
  const replies = fragmentPacket(reply, 24, 7);
  fragmentPacket(request, 24, 7).forEach((fragment, i) => {
    const { packet, bytes } = place(fragment);
    assert.equal(packet.parse(IP_OFFSET, fragment.length), PARSED);
    assert.equal(isEchoRequest(packet), i === 0);
    turnEcho(packet, false);
    assert.deepEqual(bytes.slice(IP_OFFSET, IP_OFFSET + fragment.length), replies[i]);
  });
});

Deno.test("turnEcho() gives a reply of nothing but zeros the checksum that it has", () => {
  const ends = { source: "198.51.100.2", destination: "203.0.113.10" };
  for (const payload of [new Uint8Array(0), new Uint8Array(56)]) {
    const request = buildPacket({ ...ends, protocol: "icmp", payload });
    const { packet } = place(request);
    packet.parse(IP_OFFSET, request.length);
    turnEcho(packet, false);
    packet.parse(IP_OFFSET, request.length);
    assert.equal(packet.view.getUint16(packet.l4Offset + 2), 0xffff);
    assert.ok(verifyL4(packet, false));
  }
});
