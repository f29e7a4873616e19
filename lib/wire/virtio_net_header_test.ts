import assert from "node:assert/strict";
import * as real from "./_real_packets.ts";
import { IP_OFFSET, placeSlot } from "./_test_support.ts";
import { buildPacket, fragmentPacket } from "./build_frame.ts";
import { PARSED, reasonName } from "./reason.ts";
import { check, countedPackets, gsoSize, needsChecksum, shift } from "./virtio_net_header.ts";

const AT = IP_OFFSET - 24;
const V4 = { source: "198.51.100.2:40000", destination: "203.0.113.10:80" } as const;

/** What `check` says to a slot as a packet socket fills it. */
function judge(slot: Uint8Array): string {
  const { packet } = placeSlot(slot);
  packet.parse(IP_OFFSET, slot.length - 24);
  return reasonName(check(packet.view, AT, slot.length - 10, packet));
}

/** A slot with some bytes of its header replaced. */
function changed(slot: Uint8Array, header: Record<number, number>): Uint8Array {
  const bytes = slot.slice();
  for (const [at, value] of Object.entries(header)) bytes[Number(at)] = value;
  return bytes;
}

Deno.test("check() accepts what the kernel delivers", () => {
  const slots = [
    real.TCP_SYN_V4,
    real.TCP_SUPER_PACKET_V4,
    real.UDP_V4,
    real.UDP_NO_CHECKSUM_V4,
    real.UDP_FIRST_FRAGMENT_V4,
    real.ICMP_ECHO_V4,
    real.TCP_SYN_V6,
    real.TCP_SUPER_PACKET_V6,
    real.UDP_V6,
    real.UDP_LAST_FRAGMENT_V6,
  ];
  for (const slot of slots) assert.equal(judge(slot), "parsed");
  assert.equal(judge(changed(real.UDP_NO_CHECKSUM_V4, { 0: 2 })), "parsed");
  // ECN on a super-packet; a UDP super-packet.
  assert.equal(judge(changed(real.TCP_SUPER_PACKET_V4, { 1: 0x81 })), "parsed");
  assert.equal(judge(changed(real.UDP_V4, { 1: 5, 4: 10 })), "parsed");
});

Deno.test("check() refuses a header that points anywhere else than the packet does", () => {
  const bad: Record<number, number>[] = [
    { 0: 0x05 },
    { 0: 0x80 },
    { 6: 0x21 },
    { 6: 0x36 },
    { 6: 0xff, 7: 0xff },
    { 8: 0x06 },
    { 8: 0x11 },
    { 9: 0x10 },
    { 2: 0xff, 3: 0xff },
  ];
  for (const header of bad) {
    const what = JSON.stringify(header);
    assert.equal(judge(changed(real.TCP_SYN_V4, header)), "badVnetHeader", what);
  }
});

Deno.test("check() refuses impossible segmentation", () => {
  const bad: Record<number, number>[] = [
    { 4: 0, 5: 0 },
    { 4: 0xff, 5: 0xff },
    { 1: 2 },
    { 1: 3 },
    { 1: 4 },
    { 1: 5 },
    { 1: 0x80 },
    { 1: 0x7f },
  ];
  for (const header of bad) {
    const what = JSON.stringify(header);
    assert.equal(judge(changed(real.TCP_SUPER_PACKET_V4, header)), "badVnetHeader", what);
  }
  assert.equal(judge(changed(real.TCP_SUPER_PACKET_V6, { 1: 1 })), "badVnetHeader");
  assert.equal(judge(changed(real.UDP_V4, { 1: 1, 4: 10 })), "badVnetHeader");
});

Deno.test("check() refuses a partial checksum where the kernel leaves none", () => {
  assert.equal(judge(changed(real.UDP_FIRST_FRAGMENT_V4, { 0: 1, 6: 34, 8: 6 })), "badVnetHeader");
  assert.equal(judge(changed(real.ICMP_ECHO_V4, { 0: 1, 6: 34, 8: 2 })), "badVnetHeader");
  const payload = new Uint8Array(100);
  const [first] = fragmentPacket(buildPacket({ ...V4, protocol: "tcp", payload }), 64, 1);
  const slot = new Uint8Array(24 + first!.length);
  slot.set(first!, 24);
  slot.set([0, 1, 0, 0, 20], 0);
  assert.equal(judge(slot), "badVnetHeader");
});

Deno.test("check() counts from the IP header in a tun device, and shift() moves it behind Ethernet", () => {
  for (
    const [slot, ip] of [[real.TCP_SUPER_PACKET_V4, 20], [real.TCP_SUPER_PACKET_V6, 40]] as const
  ) {
    const { packet } = placeSlot(slot);
    const { view } = packet;
    const original = packet.bytes.slice(AT, AT + 10);
    const ipBytes = slot.length - 24;
    assert.equal(packet.parse(IP_OFFSET, ipBytes), PARSED);
    assert.equal(check(view, AT, ipBytes + 14, packet), PARSED);
    shift(view, AT, -14);
    assert.equal(view.getUint16(AT + 6, true), ip);
    assert.equal(check(view, AT, ipBytes, packet), PARSED);
    assert.equal(reasonName(check(view, AT, ipBytes + 14, packet)), "badVnetHeader");
    shift(view, AT, 14);
    assert.deepEqual(packet.bytes.slice(AT, AT + 10), original);
  }
});

Deno.test("shift() leaves alone what says nothing", () => {
  const { packet } = placeSlot(real.ICMP_ECHO_V4);
  shift(packet.view, AT, 14);
  assert.deepEqual(packet.bytes.slice(AT, AT + 10), new Uint8Array(10));
});

Deno.test("check() refuses a frame that starts neither at Ethernet nor at IP", () => {
  const { packet } = placeSlot(real.ICMP_ECHO_V4);
  const ipBytes = real.ICMP_ECHO_V4.length - 24;
  packet.parse(IP_OFFSET, ipBytes);
  assert.equal(reasonName(check(packet.view, AT, ipBytes + 18, packet)), "badVnetHeader");
  assert.equal(reasonName(check(packet.view, AT, ipBytes - 1, packet)), "badVnetHeader");
});

Deno.test("needsChecksum() and gsoSize() read what was captured", () => {
  const view = (slot: Uint8Array) => placeSlot(slot).packet.view;
  assert.equal(needsChecksum(view(real.TCP_SYN_V4), AT), true);
  assert.equal(needsChecksum(view(real.ICMP_ECHO_V4), AT), false);
  assert.equal(gsoSize(view(real.TCP_SUPER_PACKET_V4), AT), 1448);
  assert.equal(gsoSize(view(real.TCP_SYN_V4), AT), 0);
});

Deno.test("countedPackets() counts datagrams that were put together, and TCP that was put together once", () => {
  const counted = (slot: Uint8Array, header: Record<number, number> = {}) => {
    const { packet } = placeSlot(changed(slot, header));
    packet.parse(IP_OFFSET, slot.length - 24);
    return countedPackets(packet.view, AT, packet);
  };
  assert.equal(counted(real.TCP_SUPER_PACKET_V4), 1);
  assert.equal(counted(real.UDP_V4), 1);
  const payloadBytes = real.UDP_V4.length - 24 - 28;
  assert.ok(payloadBytes > 2);
  const together = { 1: 5, 4: 2, 5: 0 };
  assert.equal(counted(real.UDP_V4, together), Math.ceil(payloadBytes / 2));
});
