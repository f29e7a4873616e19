/** Packets that answer other packets: ICMP errors, TCP resets, and super-packets made of too large segments. */

import assert from "node:assert/strict";
import * as real from "./_real_packets.ts";
import { IP_OFFSET, place, placeSlot } from "./_test_support.ts";
import { IpAddress } from "./address.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "./build_frame.ts";
import { buildIcmpError, mayAnswerWithError, nextHeaderPointer } from "./icmp_error.ts";
import { type ExtensionHeader, fragmentHeader, paddingHeader } from "./ipv6_extension.ts";
import { verifyL4 } from "./l4_checksum.ts";
import type { Packet } from "./packet.ts";
import { PARSED, UNKNOWN_PROTOCOL } from "./reason.ts";
import { limitSegments } from "./segment_size.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "./tcp_flags.ts";
import { buildTcpReset } from "./tcp_reset.ts";
import { check, gsoSize, needsChecksum } from "./virtio_net_header.ts";

const V4 = { source: "198.51.100.2:40000", destination: "203.0.113.10:80" } as const;
const V6 = { source: "[2001:db8:c::2]:40000", destination: "[2001:db8:f::10]:80" } as const;

function parsedOf(ip: Uint8Array): Packet {
  const { packet } = place(ip);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  return packet;
}

Deno.test("buildIcmpError() makes what the Linux kernel answers, but for its type of service and identification", () => {
  const v4 = parsedOf(real.UDP_V4.slice(24));
  const source = IpAddress.parse("198.51.100.10");
  const error = buildIcmpError(v4, { type: 3, code: 3, source });
  // From the ICMP header on, and source and destination.
  assert.deepEqual(error.slice(20), real.ICMP_UNREACHABLE_V4.slice(44));
  assert.deepEqual(error.slice(12, 20), real.ICMP_UNREACHABLE_V4.slice(36, 44));
  const v6 = parsedOf(real.UDP_V6.slice(24));
  const error6 = buildIcmpError(v6, {
    type: 1,
    code: 4,
    source: IpAddress.parse("2001:db8:c::10"),
  });
  assert.deepEqual(error6.slice(4), real.ICMP_UNREACHABLE_V6.slice(28));
});

Deno.test("buildIcmpError() quotes no more than the RFCs allow, and carries the MTU", () => {
  for (
    const [slot, type, code, address, largest] of [
      [real.TCP_SUPER_PACKET_V4, 3, 4, "192.0.2.2", 576],
      [real.TCP_SUPER_PACKET_V6, 2, 0, "2001:db8:2::2", 1280],
    ] as const
  ) {
    const about = parsedOf(slot.slice(24));
    const source = IpAddress.parse(address);
    const error = buildIcmpError(about, { type, code, rest: 1400, source });
    assert.equal(error.length, largest);
    const packet = parsedOf(error);
    assert.ok(verifyL4(packet, false));
    assert.equal(packet.view.getUint32(packet.l4Offset + 4), 1400);
    assert.equal(
      String(IpAddress.fromWords(
        packet.addresses[4]!,
        packet.addresses[5]!,
        packet.addresses[6]!,
        packet.addresses[7]!,
      )),
      packet.family === 4 ? "198.51.100.10" : "2001:db8:c::10",
    );
  }
});

Deno.test("buildIcmpError() is no larger than it may be, but always says what it is about", () => {
  for (const base of [V4, V6]) {
    for (
      const [payloadBytes, extensionHeaders] of [[0, []], [100, []], [100, [
        paddingHeader(60),
      ]]] as const
    ) {
      const about = parsedOf(buildPacket({
        ...base,
        protocol: "udp",
        payload: new Uint8Array(payloadBytes),
        ...(base === V6 && { extensionHeaders }),
      }));
      const source = IpAddress.parse(base === V4 ? "192.0.2.2" : "2001:db8:2::2");
      const error = buildIcmpError(about, {
        type: base === V4 ? 3 : 1,
        code: 0,
        source,
        largestBytes: about.totalBytes,
      });
      const smallest = (base === V4 ? 28 : 48) + about.ipHeaderBytes + 8;
      assert.equal(error.length, Math.max(about.totalBytes, smallest));
      const { packet } = place(error);
      assert.equal(packet.parse(IP_OFFSET, error.length), PARSED);
      assert.ok(verifyL4(packet, false));
    }
  }
});

Deno.test("nextHeaderPointer() finds the number of the protocol behind any extension headers", () => {
  const pointerOf = (extensionHeaders: readonly ExtensionHeader[]) => {
    const ip = buildPacket({
      protocol: 132,
      source: "2001:db8:c::2",
      destination: "2001:db8:f::10",
      payload: new Uint8Array(20),
      extensionHeaders,
    });
    const { packet } = place(ip);
    assert.equal(packet.parse(IP_OFFSET, ip.length), UNKNOWN_PROTOCOL);
    const pointer = nextHeaderPointer(packet);
    assert.equal(ip[pointer], 132);
    return pointer;
  };
  assert.equal(pointerOf([]), 6);
  assert.equal(pointerOf([paddingHeader(0, 16)]), 40);
  assert.equal(pointerOf([paddingHeader(0, 16), fragmentHeader(7, 0, false)]), 56);
  assert.equal(pointerOf([fragmentHeader(7, 0, false), paddingHeader(60, 24)]), 48);
});

Deno.test("mayAnswerWithError() spares errors, redirects and later fragments", () => {
  const icmp = (type: number): FrameOptions => ({
    protocol: "icmp",
    source: "198.51.100.2",
    destination: "203.0.113.10",
    icmp: { type, code: 0, rest: 0 },
  });
  const icmp6 = (type: number): FrameOptions => ({
    ...icmp(type),
    source: "2001:db8:c::2",
    destination: "2001:db8:f::10",
  });
  assert.ok(mayAnswerWithError(parsedOf(buildPacket({ ...V4, protocol: "tcp" }))));
  assert.ok(mayAnswerWithError(parsedOf(buildPacket(icmp(8)))));
  assert.ok(mayAnswerWithError(parsedOf(buildPacket(icmp6(128)))));
  for (const type of [3, 4, 5, 11, 12]) {
    assert.ok(!mayAnswerWithError(parsedOf(buildPacket(icmp(type)))), `type ${type}`);
  }
  for (const type of [1, 2, 3, 4, 100, 127, 137]) {
    assert.ok(!mayAnswerWithError(parsedOf(buildPacket(icmp6(type)))), `type ${type}`);
  }
  const payload = new Uint8Array(100);
  const [first, second] = fragmentPacket(buildPacket({ ...V4, protocol: "udp", payload }), 56, 1);
  assert.ok(mayAnswerWithError(parsedOf(first!)));
  assert.ok(!mayAnswerWithError(parsedOf(second!)));
});

Deno.test("buildTcpReset() takes its numbers from the segment, as RFC 9293 says", () => {
  const base = { ...V4, protocol: "tcp", sequence: 0xffffffff, acknowledgement: 77 } as const;
  const resetOf = (options: FrameOptions) =>
    parsedOf(buildTcpReset(parsedOf(buildPacket(options)))!);

  const toSyn = resetOf({ ...base, flags: TCP_SYN, payload: new Uint8Array(5) });
  assert.equal(toSyn.tcpFlags, TCP_RST | TCP_ACK);
  assert.deepEqual([toSyn.tcpSequence, toSyn.tcpAcknowledgement], [0, 5]);
  assert.deepEqual([toSyn.sourcePort, toSyn.destinationPort], [80, 40000]);
  assert.ok(verifyL4(toSyn, false));

  const toAck = resetOf({ ...base, flags: TCP_ACK | TCP_FIN });
  assert.equal(toAck.tcpFlags, TCP_RST);
  assert.equal(toAck.tcpSequence, 77);

  const toV6 = resetOf({ ...base, ...V6, flags: TCP_ACK });
  assert.deepEqual(toV6.addresses.subarray(0, 4), IpAddress.parse("2001:db8:f::10").words);
  assert.ok(verifyL4(toV6, false));
});

Deno.test("buildTcpReset() never answers a reset", () => {
  assert.equal(
    buildTcpReset(parsedOf(buildPacket({ ...V4, protocol: "tcp", flags: TCP_RST }))),
    null,
  );
});

/** A packet in a slot with a virtio_net_hdr before its Ethernet header. */
function slotOf(ip: Uint8Array, header: number[] = []): Packet {
  const slot = new Uint8Array(24 + ip.length);
  slot.set(header);
  slot.set(ip, 24);
  const { packet } = placeSlot(slot);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  return packet;
}

const VNET = IP_OFFSET - 24;

Deno.test("limitSegments() lowers the segment size of a super-packet, never raises it", () => {
  const { packet } = placeSlot(real.TCP_SUPER_PACKET_V4);
  packet.parse(IP_OFFSET, real.TCP_SUPER_PACKET_V4.length - 24);
  assert.ok(limitSegments(packet, VNET, 1500, 14));
  assert.equal(gsoSize(packet.view, VNET), 1448);
  assert.ok(limitSegments(packet, VNET, 1280, 14));
  assert.equal(gsoSize(packet.view, VNET), 1280 - 52);
  assert.ok(limitSegments(packet, VNET, 1400, 14));
  assert.equal(gsoSize(packet.view, VNET), 1280 - 52);
});

Deno.test("limitSegments() makes a super-packet of one segment that is too large", () => {
  for (const [base, ipHeader, gso] of [[V4, 20, 1], [V6, 40, 4]] as const) {
    const ip = buildPacket({ ...base, protocol: "tcp", payload: new Uint8Array(1400) });
    const packet = slotOf(ip);
    assert.ok(limitSegments(packet, VNET, 1280, 14));
    assert.ok(needsChecksum(packet.view, VNET));
    assert.equal(gsoSize(packet.view, VNET), 1280 - ipHeader - 20);
    assert.equal(packet.bytes[VNET + 1], gso);
    assert.equal(packet.view.getUint16(VNET + 2, true), 14 + ipHeader + 20);
    assert.equal(check(packet.view, VNET, ip.length + 14, packet), PARSED);
    assert.ok(verifyL4(packet, true));
  }
});

Deno.test("limitSegments() leaves alone what fits, and says what it cannot make fit", () => {
  const tcp = buildPacket({ ...V4, protocol: "tcp", payload: new Uint8Array(1400) });
  const fits = slotOf(tcp);
  assert.ok(limitSegments(fits, VNET, 1500, 14));
  assert.deepEqual(fits.bytes.slice(VNET, VNET + 10), new Uint8Array(10));
  assert.ok(!limitSegments(slotOf(tcp), VNET, 40, 14));
  // A wrong checksum would come out right.
  const wrong = buildPacket({ ...V4, protocol: "tcp", payload: new Uint8Array(1400), checksum: 1 });
  assert.ok(!limitSegments(slotOf(wrong), VNET, 1280, 14));
  const udp = buildPacket({ ...V4, protocol: "udp", payload: new Uint8Array(1400) });
  assert.ok(!limitSegments(slotOf(udp), VNET, 1280, 14));
  // A UDP super-packet whose segments fit already.
  assert.ok(limitSegments(slotOf(udp, [1, 5, 0, 0, 100, 0, 34, 0, 6, 0]), VNET, 1280, 14));
});
