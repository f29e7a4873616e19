/** ARP and neighbour discovery: who has an address, and the answers. */

import assert from "node:assert/strict";
import * as real from "./_real_packets.ts";
import { FENCE } from "./_test_support.ts";
import { IpAddress } from "./address.ts";
import {
  ARP_REPLY,
  ARP_REQUEST,
  buildArpAnnouncement,
  buildArpReply,
  emitArp,
  parseArp,
} from "./arp.ts";
import { formatMac, parseMac } from "./ethernet.ts";
import {
  buildNeighbourAnnouncement,
  buildNeighbourAnswer,
  parseNeighbourAdvertisement,
  parseNeighbourSolicitation,
  solicitedNodeGroup,
} from "./neighbour_discovery.ts";
import { reasonName } from "./reason.ts";

const MAC = parseMac("02:00:00:00:00:01");

function arpOf(frame: Uint8Array) {
  const result = parseArp(frame.subarray(14));
  assert.equal(result.kind, "parsed");
  return (result as Extract<typeof result, { kind: "parsed" }>).header;
}

function solicitationOf(ip: Uint8Array) {
  const result = parseNeighbourSolicitation(ip);
  assert.equal(result.kind, "parsed");
  return (result as Extract<typeof result, { kind: "parsed" }>).header;
}

Deno.test("ARP: read and written again", () => {
  const request = arpOf(real.ARP_REQUEST_FRAME);
  assert.equal(request.operation, ARP_REQUEST);
  assert.equal(String(request.senderAddress), "198.51.100.2");
  assert.equal(String(request.targetAddress), "198.51.100.10");
  assert.equal(formatMac(request.senderMac), "02:00:00:00:00:02");
  const bytes = new Uint8Array(30).fill(FENCE);
  assert.equal(emitArp(request, bytes), 28);
  assert.deepEqual(bytes.slice(0, 28), real.ARP_REQUEST_FRAME.slice(14));
  assert.deepEqual(bytes.slice(28), Uint8Array.of(FENCE, FENCE));
});

Deno.test("buildArpReply() makes the frame that the Linux kernel answers with", () => {
  assert.deepEqual(buildArpReply(arpOf(real.ARP_REQUEST_FRAME), MAC), real.ARP_REPLY_FRAME);
});

Deno.test("buildArpAnnouncement() is a broadcast request for the address itself", () => {
  const frame = buildArpAnnouncement(IpAddress.parse("203.0.113.10"), MAC);
  assert.equal(formatMac(frame.subarray(0, 6)), "ff:ff:ff:ff:ff:ff");
  const header = arpOf(frame);
  assert.equal(header.operation, ARP_REQUEST);
  assert.ok(header.senderAddress.equals(header.targetAddress));
  assert.notEqual(header.operation, ARP_REPLY);
});

Deno.test("ARP for anything else than IPv4 over Ethernet is refused", () => {
  const message = real.ARP_REQUEST_FRAME.slice(14);
  const why = (bytes: Uint8Array) => {
    const result = parseArp(bytes);
    return result.kind === "malformed" ? reasonName(result.why) : result.kind;
  };
  assert.equal(why(message.slice(0, 27)), "tooShort");
  for (const at of [0, 1, 2, 3, 4, 5]) {
    assert.equal(why(message.with(at, message[at]! + 1)), "badVersion");
  }
});

Deno.test("parseNeighbourSolicitation() reads what the Linux kernel asks", () => {
  const solicitation = solicitationOf(real.NEIGHBOUR_SOLICITATION.slice(24));
  assert.equal(String(solicitation.source), "2001:db8:c::2");
  assert.equal(String(solicitation.target), "2001:db8:c::10");
  assert.equal(formatMac(solicitation.sourceMac!), "02:00:00:00:00:02");
});

Deno.test("solicitedNodeGroup() is where the Linux kernel asks", () => {
  const group = solicitedNodeGroup(IpAddress.parse("2001:db8:c::10"));
  assert.deepEqual(group.toBytes(), real.NEIGHBOUR_SOLICITATION.slice(24 + 24, 24 + 40));
  assert.equal(String(solicitedNodeGroup(IpAddress.parse("fe80::fedc:ba98"))), "ff02::1:ffdc:ba98");
});

Deno.test("buildNeighbourAnswer() makes the frame that the Linux kernel answers with", () => {
  const solicitation = solicitationOf(real.NEIGHBOUR_SOLICITATION.slice(24));
  assert.deepEqual(buildNeighbourAnswer(solicitation, MAC), real.NEIGHBOUR_ADVERTISEMENT.slice(10));
});

Deno.test("parseNeighbourAdvertisement() reads what the Linux kernel answers, and refuses the rest", () => {
  const ip = real.NEIGHBOUR_ADVERTISEMENT.slice(24);
  const result = parseNeighbourAdvertisement(ip);
  assert.ok(result.kind === "parsed");
  assert.equal(String(result.header.target), "2001:db8:c::10");
  assert.equal(formatMac(result.header.targetMac!), "02:00:00:00:00:01");
  const why = (bytes: Uint8Array) => {
    const refused = parseNeighbourAdvertisement(bytes);
    return refused.kind === "malformed" ? reasonName(refused.why) : refused.kind;
  };
  assert.equal(why(ip.with(7, 64)), "badIcmp");
  assert.equal(why(ip.with(43, ip[43]! ^ 1)), "badIcmp");
  assert.equal(why(real.NEIGHBOUR_SOLICITATION.slice(24)), "unknownProtocol");
});

Deno.test("who has no address yet is answered by way of everyone", () => {
  const target = IpAddress.parse("2001:db8:c::10");
  const probe = { source: IpAddress.parse("::"), target, sourceMac: null };
  const frame = buildNeighbourAnswer(probe, MAC);
  assert.deepEqual(frame, buildNeighbourAnnouncement(target, MAC));
  assert.equal(formatMac(frame.subarray(0, 6)), "33:33:00:00:00:01");
  // Not solicited, override.
  assert.equal(frame[14 + 40 + 4], 0x20);
});

Deno.test("parseNeighbourSolicitation() refuses what comes from outside or is malformed", () => {
  const ip = real.NEIGHBOUR_SOLICITATION.slice(24);
  const why = (bytes: Uint8Array) => {
    const result = parseNeighbourSolicitation(bytes);
    return result.kind === "malformed" ? reasonName(result.why) : result.kind;
  };
  assert.equal(why(ip.with(7, 64)), "badIcmp");
  assert.equal(why(ip.with(41, 1)), "badIcmp");
  // A wrong checksum, a multicast target, an option without a length.
  assert.equal(why(ip.with(43, ip[43]! ^ 1)), "badIcmp");
  assert.equal(why(ip.with(48, 0xff)), "badIcmp");
  assert.equal(why(ip.with(65, 0)), "badIcmp");
  assert.equal(why(ip.slice(0, 60)), "truncated");
  assert.equal(why(real.NEIGHBOUR_ADVERTISEMENT.slice(24)), "unknownProtocol");
  assert.equal(why(real.TCP_SYN_V6.slice(24)), "unknownProtocol");
});
