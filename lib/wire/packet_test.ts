import assert from "node:assert/strict";
import * as real from "./_real_packets.ts";
import { IP_OFFSET, placeSlot } from "./_test_support.ts";
import { IpAddress } from "./address.ts";
import { verifyL4 } from "./l4_checksum.ts";
import type { Packet } from "./packet.ts";
import { PARSED } from "./reason.ts";
import { TCP_ACK, TCP_PSH, TCP_SYN } from "./tcp_flags.ts";

/** Parses what follows the virtio_net_hdr and the Ethernet header of a slot. */
function parseSlot(slot: Uint8Array): Packet {
  const { packet } = placeSlot(slot);
  assert.equal(packet.parseFrame(IP_OFFSET - 14, slot.length - 10), PARSED);
  return packet;
}

function ends(packet: Packet): string {
  const at = (index: number) =>
    IpAddress.fromWords(
      packet.addresses[index]!,
      packet.addresses[index + 1]!,
      packet.addresses[index + 2]!,
      packet.addresses[index + 3]!,
    );
  return `${at(0)} ${packet.sourcePort} > ${at(4)} ${packet.destinationPort}`;
}

Deno.test("parse() reads a TCP SYN over IPv4", () => {
  const packet = parseSlot(real.TCP_SYN_V4);
  assert.equal(ends(packet), "198.51.100.2 43326 > 198.51.100.10 80");
  assert.equal(packet.family, 4);
  assert.equal(packet.protocol, 6);
  assert.equal(packet.ipHeaderBytes, 20);
  assert.equal(packet.totalBytes, 60);
  assert.equal(packet.l4Offset, IP_OFFSET + 20);
  assert.equal(packet.l4Bytes, 40);
  assert.equal(packet.hopLimit, 64);
  assert.equal(packet.identification, 0xbfc7);
  assert.equal(packet.dontFragment, true);
  assert.equal(packet.hasOptions, false);
  assert.equal(packet.isFragment, false);
  assert.equal(packet.tcpFlags, TCP_SYN);
  assert.equal(packet.tcpSequence, 0x4d98e68a);
  assert.equal(packet.tcpAcknowledgement, 0);
  assert.equal(packet.tcpWindow, 64240);
  assert.equal(packet.payloadBytes, 0);
  assert.ok(verifyL4(packet, true));
  assert.ok(!verifyL4(packet, false));
});

Deno.test("parse() reads super-packets that are longer than any link carries", () => {
  const v4 = parseSlot(real.TCP_SUPER_PACKET_V4);
  assert.equal(v4.totalBytes, 7292);
  assert.equal(v4.payloadBytes, 7240);
  assert.equal(v4.tcpFlags, TCP_PSH | TCP_ACK);
  const v6 = parseSlot(real.TCP_SUPER_PACKET_V6);
  assert.equal(v6.totalBytes, 40 + 7172);
  assert.equal(v6.payloadBytes, 7140);
  // Above 2^31, so negative: numbers are compared by their difference.
  assert.equal(v6.tcpSequence, 0xc6651a90 | 0);
  assert.ok(verifyL4(v4, true) && verifyL4(v6, true));
});

Deno.test("parse() reads TCP and UDP over IPv6", () => {
  const syn = parseSlot(real.TCP_SYN_V6);
  assert.equal(ends(syn), "2001:db8:c::2 36212 > 2001:db8:c::10 80");
  assert.equal(syn.ipHeaderBytes, 40);
  assert.equal(syn.l4Offset, IP_OFFSET + 40);
  assert.equal(syn.dontFragment, true);
  assert.equal(syn.hasOptions, false);
  assert.equal(syn.tcpWindow, 64800);
  const query = parseSlot(real.UDP_V6);
  assert.equal(ends(query), "2001:db8:c::2 59393 > 2001:db8:c::10 53");
  assert.equal(query.payloadBytes, 33);
  assert.equal(query.tcpFlags, 0);
  assert.ok(verifyL4(syn, true) && verifyL4(query, true));
});

Deno.test("parse() reads UDP over IPv4, with and without a checksum", () => {
  const query = parseSlot(real.UDP_V4);
  assert.equal(ends(query), "198.51.100.2 37292 > 198.51.100.10 53");
  assert.equal(query.payloadBytes, 33);
  assert.ok(verifyL4(query, true));
  const unchecked = parseSlot(real.UDP_NO_CHECKSUM_V4);
  assert.equal(unchecked.payloadBytes, 7);
  assert.ok(verifyL4(unchecked, false));
});

Deno.test("parse() finds ports in the first fragment only", () => {
  const first4 = parseSlot(real.UDP_FIRST_FRAGMENT_V4);
  assert.equal(ends(first4), "198.51.100.2 33458 > 198.51.100.10 53");
  assert.deepEqual(
    [first4.isFragment, first4.moreFragments, first4.fragmentOffsetBytes, first4.identification],
    [true, true, 0, 0x20c6],
  );
  const last4 = parseSlot(real.UDP_LAST_FRAGMENT_V4);
  assert.equal(ends(last4), "198.51.100.2 0 > 198.51.100.10 0");
  assert.deepEqual(
    [last4.isFragment, last4.moreFragments, last4.fragmentOffsetBytes, last4.payloadBytes],
    [true, false, 1480, 528],
  );
  const first6 = parseSlot(real.UDP_FIRST_FRAGMENT_V6);
  assert.equal(ends(first6), "2001:db8:c::2 45800 > 2001:db8:c::10 53");
  assert.deepEqual(
    [first6.isFragment, first6.moreFragments, first6.identification, first6.hasOptions],
    [true, true, 0x2fb4c668, true],
  );
  assert.equal(first6.fragmentHeaderOffset, IP_OFFSET + 40);
  assert.equal(first6.ipHeaderBytes, 48);
  const last6 = parseSlot(real.UDP_LAST_FRAGMENT_V6);
  assert.equal(ends(last6), "2001:db8:c::2 0 > 2001:db8:c::10 0");
  assert.deepEqual(
    [last6.protocol, last6.moreFragments, last6.fragmentOffsetBytes, last6.l4Bytes],
    [17, false, 1448, 560],
  );
});

Deno.test("parse() reads ICMP of both versions", () => {
  for (
    const [slot, type, code] of [
      [real.ICMP_ECHO_V4, 8, 0],
      [real.ICMP_UNREACHABLE_V4, 3, 3],
      [real.ICMP_ECHO_V6, 128, 0],
      [real.ICMP_UNREACHABLE_V6, 1, 4],
      [real.NEIGHBOUR_ADVERTISEMENT, 136, 0],
    ] as const
  ) {
    const packet = parseSlot(slot);
    assert.deepEqual([packet.icmpType, packet.icmpCode], [type, code]);
    assert.deepEqual([packet.sourcePort, packet.destinationPort, packet.tcpFlags], [0, 0, 0]);
    assert.ok(verifyL4(packet, false));
  }
});

Deno.test("parse() takes what follows the IP packet for padding of the frame", () => {
  const padded = new Uint8Array(real.ICMP_ECHO_V4.length + 20).fill(0xff);
  padded.set(real.ICMP_ECHO_V4);
  const packet = parseSlot(padded);
  assert.equal(packet.totalBytes, 33);
  assert.equal(packet.givenBytes, 53);
  assert.equal(packet.payloadBytes, 5);
  assert.ok(verifyL4(packet, false));
});

Deno.test("one Packet forgets the packet before", () => {
  const slots = [real.UDP_FIRST_FRAGMENT_V6, real.TCP_SYN_V4, real.UDP_V6, real.ICMP_ECHO_V4];
  const bytes = new Uint8Array(slots.length * 2048);
  slots.forEach((slot, index) => bytes.set(slot, index * 2048));
  const { packet } = placeSlot(new Uint8Array(24));
  packet.attach(bytes.buffer);
  slots.forEach((slot, index) => {
    assert.equal(packet.parse(index * 2048 + 24, slot.length - 24), PARSED);
    const alone = parseSlot(slot);
    assert.equal(ends(packet), ends(alone));
    for (const field of ["isFragment", "hasOptions", "identification", "payloadBytes"] as const) {
      assert.equal(packet[field], alone[field], `${field} of packet ${index}`);
    }
    assert.equal(packet.fragmentHeaderOffset === 0, alone.fragmentHeaderOffset === 0);
  });
});
