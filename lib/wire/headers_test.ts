/** Each header away from the packet path: read a real one, write it again over 0xa5, read the odd ones. */

import assert from "node:assert/strict";
import * as real from "./_real_packets.ts";
import { FENCE, fromHex } from "./_test_support.ts";
import { emitEthernet, EthernetView, formatMac, parseEthernet, parseMac } from "./ethernet.ts";
import { echoRest, emitIcmpHeader, IcmpView, parseIcmpHeader } from "./icmp.ts";
import { emitIpv4Header, Ipv4View, parseIpv4Header } from "./ipv4.ts";
import { emitIpv6Header, Ipv6View, parseIpv6Header } from "./ipv6.ts";
import type { Malformed, Parsed } from "./malformed.ts";
import { reasonName } from "./reason.ts";
import { emitTcpHeader, parseTcpHeader, TcpView } from "./tcp.ts";
import { TCP_SYN } from "./tcp_flags.ts";
import { emitUdpHeader, parseUdpHeader, UdpView } from "./udp.ts";

/** The header, or a failing test. */
function header<Header>(result: Parsed<Header> | Malformed): Header {
  assert.equal(result.kind, "parsed");
  return (result as Parsed<Header>).header;
}

function why(result: Parsed<unknown> | Malformed): string {
  return result.kind === "malformed" ? reasonName(result.why) : result.kind;
}

/** Writes a header over fence bytes: it has to fill exactly its own bytes. */
function emitted(length: number, emit: (bytes: Uint8Array) => number): Uint8Array {
  const bytes = new Uint8Array(length + 4).fill(FENCE);
  assert.equal(emit(bytes), length);
  assert.deepEqual(bytes.slice(length), new Uint8Array(4).fill(FENCE));
  return bytes.slice(0, length);
}

Deno.test("Ethernet: read and written again", () => {
  const frame = real.TCP_SYN_V4.slice(10);
  const parsed = header(parseEthernet(frame));
  assert.equal(formatMac(parsed.destination), "02:00:00:00:00:01");
  assert.equal(formatMac(parsed.source), "02:00:00:00:00:02");
  assert.equal(parsed.etherType, 0x0800);
  assert.deepEqual(emitted(14, (bytes) => emitEthernet(parsed, bytes)), frame.slice(0, 14));
  assert.equal(new EthernetView(frame).payload.length, 60);
  assert.equal(why(parseEthernet(frame.slice(0, 13))), "tooShort");
});

Deno.test("MAC addresses: six two-digit numbers and nothing else", () => {
  assert.equal(formatMac(parseMac("0A:ff:00:00:00:01")), "0a:ff:00:00:00:01");
  for (
    const text of ["", "0a:ff:00:00:00", "0a-ff-00-00-00-01", "a:ff:0:0:0:1", "0a:ff:00:00:00:0g"]
  ) {
    assert.throws(() => parseMac(text), SyntaxError);
  }
});

Deno.test("IPv4: read and written again", () => {
  const packet = real.UDP_FIRST_FRAGMENT_V4.slice(24);
  const parsed = header(parseIpv4Header(packet));
  assert.equal(String(parsed.source), "198.51.100.2");
  assert.equal(String(parsed.destination), "198.51.100.10");
  assert.deepEqual(
    [parsed.protocol, parsed.payloadBytes, parsed.hopLimit, parsed.identification],
    [17, 1480, 64, 0x20c6],
  );
  assert.deepEqual(
    [parsed.dontFragment, parsed.moreFragments, parsed.fragmentOffsetBytes],
    [false, true, 0],
  );
  assert.deepEqual(emitted(20, (bytes) => emitIpv4Header(parsed, bytes)), packet.slice(0, 20));
  const last = real.UDP_LAST_FRAGMENT_V4.slice(24);
  const parsedLast = header(parseIpv4Header(last));
  assert.equal(parsedLast.fragmentOffsetBytes, 1480);
  assert.deepEqual(emitted(20, (bytes) => emitIpv4Header(parsedLast, bytes)), last.slice(0, 20));
});

Deno.test("IPv4: options, DSCP and ECN survive", () => {
  const parsed = {
    ...header(parseIpv4Header(real.TCP_SYN_V4.slice(24))),
    trafficClass: 0xb9,
    options: Uint8Array.of(148, 4, 0, 0),
  };
  const bytes = new Uint8Array(64).fill(FENCE);
  assert.equal(emitIpv4Header(parsed, bytes), 24);
  assert.deepEqual(header(parseIpv4Header(bytes)), parsed);
  assert.equal(new Ipv4View(bytes).payload.length, 40);
});

Deno.test("IPv4: malformed headers have their reasons", () => {
  const packet = real.TCP_SYN_V4.slice(24);
  assert.equal(why(parseIpv4Header(packet.slice(0, 19))), "tooShort");
  assert.equal(why(parseIpv4Header(packet.slice(0, 59))), "truncated");
  assert.equal(why(parseIpv4Header(packet.with(0, 0x65))), "badVersion");
  assert.equal(why(parseIpv4Header(packet.with(0, 0x44))), "badHeaderLength");
  assert.equal(why(parseIpv4Header(packet.with(3, 19))), "badTotalLength");
  assert.equal(why(parseIpv4Header(packet.with(8, 65))), "badChecksum");
});

Deno.test("IPv6: read and written again", () => {
  const packet = real.TCP_SYN_V6.slice(24);
  const parsed = header(parseIpv6Header(packet));
  assert.equal(String(parsed.source), "2001:db8:c::2");
  assert.equal(String(parsed.destination), "2001:db8:c::10");
  assert.deepEqual(
    [parsed.nextHeader, parsed.payloadBytes, parsed.hopLimit, parsed.flowLabel],
    [6, 40, 64, 0x18ef2],
  );
  assert.deepEqual(emitted(40, (bytes) => emitIpv6Header(parsed, bytes)), packet.slice(0, 40));
  const marked = { ...parsed, trafficClass: 0xb9 };
  assert.deepEqual(
    header(
      parseIpv6Header(
        emitted(40, (bytes) => emitIpv6Header({ ...marked, payloadBytes: 0 }, bytes)),
      ),
    ),
    { ...marked, payloadBytes: 0 },
  );
  assert.equal(new Ipv6View(packet).payload.length, 40);
});

Deno.test("IPv6: malformed headers have their reasons", () => {
  const packet = real.TCP_SYN_V6.slice(24);
  assert.equal(why(parseIpv6Header(packet.slice(0, 39))), "tooShort");
  assert.equal(why(parseIpv6Header(packet.slice(0, 79))), "truncated");
  assert.equal(why(parseIpv6Header(packet.with(0, 0x45))), "badVersion");
});

Deno.test("TCP: read and written again", () => {
  const segment = real.TCP_SYN_V4.slice(44);
  const parsed = header(parseTcpHeader(segment));
  assert.deepEqual(parsed, {
    sourcePort: 43326,
    destinationPort: 80,
    sequence: 0x4d98e68a,
    acknowledgement: 0,
    flags: TCP_SYN,
    window: 64240,
    urgentPointer: 0,
    options: fromHex("020405b4 0402080a 4a0d580f 00000000 0103030a"),
  });
  const written = emitted(40, (bytes) => emitTcpHeader(parsed, bytes));
  assert.equal(new TcpView(written).checksum, 0);
  new TcpView(written).checksum = 0x54a2;
  assert.deepEqual(written, segment);
});

Deno.test("TCP: malformed headers have their reasons", () => {
  const segment = real.TCP_SYN_V4.slice(44);
  assert.equal(why(parseTcpHeader(segment.slice(0, 19))), "badTcp");
  assert.equal(why(parseTcpHeader(segment.slice(0, 39))), "badTcp");
  assert.equal(why(parseTcpHeader(segment.with(12, 0x40))), "badTcp");
});

Deno.test("UDP: read and written again", () => {
  const datagram = real.UDP_V4.slice(44);
  const parsed = header(parseUdpHeader(datagram));
  assert.deepEqual(parsed, { sourcePort: 37292, destinationPort: 53, payloadBytes: 33 });
  const written = emitted(8, (bytes) => emitUdpHeader(parsed, bytes));
  new DataView(written.buffer).setUint16(6, 0x54ae);
  assert.deepEqual(written, datagram.slice(0, 8));
  assert.equal(new UdpView(datagram).payload.length, 33);
  assert.equal(why(parseUdpHeader(datagram.slice(0, 7))), "badUdp");
  assert.equal(why(parseUdpHeader(datagram.slice(0, 40))), "badUdp");
  assert.equal(why(parseUdpHeader(datagram.with(5, 7))), "badUdp");
});

Deno.test("ICMP: read and written again", () => {
  const message = real.ICMP_ECHO_V4.slice(44);
  const parsed = header(parseIcmpHeader(message));
  assert.deepEqual(parsed, { type: 8, code: 0, rest: echoRest(0x2a13, 1) });
  const view = new IcmpView(message);
  assert.deepEqual([view.identifier, view.sequence, view.payload.length], [0x2a13, 1, 5]);
  const written = emitted(8, (bytes) => emitIcmpHeader(parsed, bytes));
  new IcmpView(written).checksum = 0x8a19;
  assert.deepEqual(written, message.slice(0, 8));
  assert.equal(why(parseIcmpHeader(message.slice(0, 7))), "badIcmp");
});
