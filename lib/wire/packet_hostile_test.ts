/** Packets that a network should not carry: each is refused with its reason, and what only looks odd is not. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { FENCE, IP_OFFSET, place } from "./_test_support.ts";
import { buildFrame, buildPacket, fragmentPacket, type FrameOptions } from "./build_frame.ts";
import { Ipv4View } from "./ipv4.ts";
import { fragmentHeader, paddingHeader, routingHeader } from "./ipv6_extension.ts";
import { reasonName } from "./reason.ts";
import { rewrite } from "./rewrite.ts";
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG } from "./tcp_flags.ts";

const V4 = { source: "198.51.100.2:40000", destination: "203.0.113.10:80" } as const;
const V6 = { source: "[2001:db8:c::2]:40000", destination: "[2001:db8:f::10]:80" } as const;
const TCP4: FrameOptions = { ...V4, protocol: "tcp" };
const UDP4: FrameOptions = { ...V4, protocol: "udp", payload: new Uint8Array(8) };
const TCP6: FrameOptions = { ...V6, protocol: "tcp" };
const UDP6: FrameOptions = { ...V6, protocol: "udp", payload: new Uint8Array(8) };
const ECHO4: FrameOptions = {
  source: "198.51.100.2",
  destination: "203.0.113.10",
  protocol: "icmp",
};
const ECHO6: FrameOptions = {
  source: "2001:db8:c::2",
  destination: "2001:db8:f::10",
  protocol: "icmp",
};

/** What `parse` says to an IP packet. */
function judge(ip: Uint8Array): string {
  return reasonName(place(ip).packet.parse(IP_OFFSET, ip.length));
}

function judgeOf(options: FrameOptions): string {
  return judge(buildPacket(options));
}

/** A packet with some bytes overwritten, its IPv4 header checksum made right again. */
function patched(options: FrameOptions, changes: Record<number, number>): Uint8Array {
  const ip = buildPacket(options);
  for (const [at, value] of Object.entries(changes)) ip[Number(at)] = value;
  if (ip[0]! >>> 4 === 4 && (ip[0]! & 15) * 4 <= ip.length) new Ipv4View(ip).fillChecksum();
  return ip;
}

Deno.test("parse() accepts the plain packets that the cases below are made from", () => {
  for (const options of [TCP4, UDP4, TCP6, UDP6, ECHO4, ECHO6]) {
    assert.equal(judgeOf(options), "parsed");
  }
});

Deno.test("parse() refuses packets cut off anywhere", () => {
  for (const options of [TCP4, UDP4, TCP6, UDP6, ECHO4, ECHO6]) {
    const ip = buildPacket(options);
    const smallest = ip[0]! >>> 4 === 4 ? 20 : 40;
    for (let length = 0; length < ip.length; length++) {
      const expected = length < smallest ? "tooShort" : "truncated";
      assert.equal(judge(ip.slice(0, length)), expected, `${length} bytes`);
    }
  }
});

Deno.test("parse() refuses to look outside its buffer", () => {
  const { packet, bytes } = place(buildPacket(TCP4));
  assert.equal(reasonName(packet.parse(-1, 40)), "tooShort");
  assert.equal(reasonName(packet.parse(IP_OFFSET, bytes.length)), "tooShort");
  assert.equal(reasonName(packet.parse(bytes.length, 20)), "tooShort");
});

Deno.test("parse() refuses other versions of IP", () => {
  for (const version of [0, 1, 5, 7, 15]) {
    const ip = buildPacket(TCP4);
    ip[0] = (version << 4) | 5;
    assert.equal(judge(ip), "badVersion");
  }
});

Deno.test("parse() refuses lengths that contradict each other", () => {
  for (const ihl of [0, 1, 4]) {
    assert.equal(judge(patched(TCP4, { 0: 0x40 | ihl })), "badHeaderLength");
  }
  assert.equal(judge(patched(TCP4, { 0: 0x4f })), "badTotalLength");
  for (const length of [0, 1, 19]) {
    assert.equal(judge(patched(TCP4, { 3: length })), "badTotalLength");
  }
  assert.equal(judge(patched(TCP4, { 3: 41 })), "truncated");
  assert.equal(judge(patched(TCP4, { 2: 0xff })), "truncated");
  assert.equal(judge(patched(TCP6, { 5: 21 })), "truncated");
  // A jumbogram, or nothing at all.
  assert.equal(judge(patched(TCP6, { 5: 0 })), "badTotalLength");
});

Deno.test("parse() refuses a wrong IPv4 header checksum, one bit anywhere is enough", () => {
  for (let bit = 32; bit < 160; bit++) {
    const ip = buildPacket(TCP4);
    ip[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(judge(ip), "badChecksum", `bit ${bit}`);
  }
});

Deno.test("parse() takes a header checksum of 0xffff for the 0 that it means", () => {
  // Find the identification with which the checksum is 0.
  const ip = buildPacket(TCP4);
  const view = new Ipv4View(ip);
  const missing = view.checksum;
  ip[4] = missing >> 8;
  ip[5] = missing & 0xff;
  view.fillChecksum();
  assert.equal(view.checksum, 0);
  assert.equal(judge(ip), "parsed");
  view.checksum = 0xffff;
  assert.equal(judge(ip), "parsed");
});

Deno.test("parse() refuses a hop limit of 0, not of 1", () => {
  assert.equal(judgeOf({ ...TCP4, hopLimit: 0 }), "hopLimitZero");
  assert.equal(judgeOf({ ...TCP6, hopLimit: 0 }), "hopLimitZero");
  assert.equal(judgeOf({ ...TCP4, hopLimit: 1 }), "parsed");
  assert.equal(judgeOf({ ...TCP6, hopLimit: 1 }), "parsed");
});

Deno.test("parse() refuses source addresses that nobody can answer to", () => {
  const v4 = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "239.255.255.255"]
    .concat(["240.0.0.1", "255.255.255.255"]);
  for (const source of v4) {
    assert.equal(judgeOf({ ...TCP4, source: `${source}:40000` }), "martianSource", source);
  }
  for (const source of ["::", "::1", "::5:1", "fe80::1", "febf::1", "ff02::1"]) {
    assert.equal(judgeOf({ ...TCP6, source: `[${source}]:40000` }), "martianSource", source);
  }
  // ::ffff:198.51.100.2 in an IPv6 header.
  const mapped: Record<number, number> = { 18: 0xff, 19: 0xff };
  for (let at = 8; at < 18; at++) mapped[at] = 0;
  assert.equal(judge(patched(TCP6, mapped)), "martianSource");
});

Deno.test("parse() accepts the addresses next to the refused ones", () => {
  const v4 = ["1.0.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0"]
    .concat(["223.255.255.255", "10.0.0.1", "192.168.0.1"]);
  for (const source of v4) {
    assert.equal(judgeOf({ ...TCP4, source: `${source}:40000` }), "parsed", source);
  }
  for (const source of ["64:ff9b::1", "fc00::1", "fec0::1", "fe7f::1", "2000::", "0:0:0:1::"]) {
    assert.equal(judgeOf({ ...TCP6, source: `[${source}]:40000` }), "parsed", source);
  }
});

Deno.test("parse() refuses destinations that are not one machine elsewhere", () => {
  for (const destination of ["224.0.0.251", "239.1.1.1", "255.255.255.255"]) {
    assert.equal(judgeOf({ ...TCP4, destination: `${destination}:80` }), "notUnicast");
  }
  for (const destination of ["0.0.0.0", "127.0.0.1", "169.254.1.1", "240.0.0.1"]) {
    assert.equal(judgeOf({ ...TCP4, destination: `${destination}:80` }), "martianDestination");
  }
  assert.equal(judgeOf({ ...TCP6, destination: "[ff02::1]:80" }), "notUnicast");
  for (const destination of ["::", "::1", "fe80::1"]) {
    assert.equal(judgeOf({ ...TCP6, destination: `[${destination}]:80` }), "martianDestination");
  }
});

Deno.test("parse() refuses a packet from an address to itself (LAND)", () => {
  assert.equal(judgeOf({ ...TCP4, source: "203.0.113.10:80" }), "land");
  assert.equal(judgeOf({ ...TCP4, source: "203.0.113.10:81" }), "land");
  assert.equal(judgeOf({ ...TCP6, source: "[2001:db8:f::10]:80" }), "land");
});

Deno.test("parse() refuses port 0", () => {
  for (const base of [TCP4, UDP4]) {
    assert.equal(judgeOf({ ...base, source: "198.51.100.2:0" }), "portZero");
    assert.equal(judgeOf({ ...base, destination: "203.0.113.10:0" }), "portZero");
  }
  assert.equal(judgeOf({ ...TCP6, source: "[2001:db8:c::2]:0" }), "portZero");
  assert.equal(judgeOf({ ...UDP6, destination: "[2001:db8:f::10]:0" }), "portZero");
});

Deno.test("parse() refuses flags that only scanners send", () => {
  const bad = [
    0,
    TCP_FIN,
    TCP_PSH,
    TCP_URG,
    TCP_SYN | TCP_FIN,
    TCP_SYN | TCP_RST,
    TCP_SYN | TCP_FIN | TCP_ACK,
    TCP_RST | TCP_FIN,
    TCP_FIN | TCP_PSH | TCP_URG,
    0x3f,
    0xff,
  ];
  for (const flags of bad) {
    assert.equal(judgeOf({ ...TCP4, flags }), "badFlags", flags.toString(2));
    // ECN bits make no difference.
    assert.equal(judgeOf({ ...TCP6, flags: flags | 0xc0 }), "badFlags", flags.toString(2));
  }
});

Deno.test("parse() accepts all that connections send, ECN and PSH included", () => {
  const good = [
    TCP_SYN,
    TCP_SYN | TCP_ACK,
    TCP_ACK,
    TCP_ACK | TCP_PSH,
    TCP_ACK | TCP_URG,
    TCP_FIN | TCP_ACK,
    TCP_FIN | TCP_ACK | TCP_PSH | TCP_URG,
    TCP_RST,
    TCP_RST | TCP_ACK,
    TCP_SYN | 0xc0,
    TCP_SYN | TCP_ACK | 0x40,
  ];
  for (const flags of good) {
    assert.equal(judgeOf({ ...TCP4, flags }), "parsed", flags.toString(2));
  }
  // SYN with data (TCP Fast Open), an urgent pointer past the segment, and the AE bit.
  assert.equal(judgeOf({ ...TCP4, flags: TCP_SYN, payload: new Uint8Array(100) }), "parsed");
  assert.equal(judgeOf({ ...TCP4, urgentPointer: 65535 }), "parsed");
  assert.equal(judge(patched(TCP4, { 32: 0x5f })), "parsed");
});

Deno.test("parse() refuses a TCP header that does not fit", () => {
  for (const dataOffset of [0, 1, 4, 6, 15]) {
    assert.equal(judge(patched(TCP4, { 32: dataOffset << 4 })), "badTcp", String(dataOffset));
  }
  for (let bytes = 1; bytes < 20; bytes++) {
    assert.equal(judge(patched(TCP4, { 3: 20 + bytes })), "badTcp");
    assert.equal(judge(patched(TCP6, { 5: bytes })), "badTcp");
  }
  assert.equal(judge(patched(TCP4, { 3: 20 })), "badTcp");
});

Deno.test("parse() does not read TCP options, whatever they say", () => {
  const options = [[2, 0, 0, 0], [2, 1, 0, 0], [2, 40, 5, 180], [2, 4, 0, 0], [253, 4, 1, 2]];
  for (const tcpOptions of options) {
    assert.equal(
      judgeOf({ ...TCP4, flags: TCP_SYN, tcpOptions: Uint8Array.from(tcpOptions) }),
      "parsed",
    );
  }
});

Deno.test("parse() refuses UDP lengths below 8 or past the packet, and accepts a surplus", () => {
  for (let bytes = 0; bytes < 8; bytes++) {
    assert.equal(judge(patched(UDP4, { 25: bytes })), "badUdp");
    assert.equal(judge(patched(UDP6, { 45: bytes })), "badUdp");
    assert.equal(judge(patched(UDP4, { 3: 20 + bytes })), "badUdp");
  }
  assert.equal(judge(patched(UDP4, { 25: 17 })), "badUdp");
  assert.equal(judge(patched(UDP4, { 25: 15 })), "parsed");
  assert.equal(judgeOf({ ...UDP4, payload: new Uint8Array(0) }), "parsed");
});

Deno.test("parse() refuses UDP without a checksum over IPv6 only", () => {
  assert.equal(judgeOf({ ...UDP6, checksum: 0 }), "udpChecksumZero");
  assert.equal(judgeOf({ ...UDP4, checksum: 0 }), "parsed");
});

Deno.test("parse() refuses ICMP below 8 bytes", () => {
  for (let bytes = 0; bytes < 8; bytes++) {
    assert.equal(judge(patched(ECHO4, { 3: 20 + bytes })), "badIcmp");
    if (bytes > 0) assert.equal(judge(patched(ECHO6, { 5: bytes })), "badIcmp");
  }
});

Deno.test("parse() names other protocols, with the fields of the IP layer to answer by", () => {
  for (const protocol of [0, 2, 47, 50, 51, 58, 132, 253, 255]) {
    const ip = buildPacket({ ...ECHO4, protocol, payload: new Uint8Array(30) });
    const { packet } = place(ip);
    assert.equal(reasonName(packet.parse(IP_OFFSET, ip.length)), "unknownProtocol", `${protocol}`);
    assert.equal(packet.protocol, protocol);
    assert.equal(packet.l4Bytes, 30);
  }
  for (const protocol of [1, 4, 41, 47, 50, 51, 59, 132, 135, 255]) {
    const ip = buildPacket({ ...ECHO6, protocol, payload: new Uint8Array(30) });
    assert.equal(judge(ip), "unknownProtocol", `${protocol}`);
  }
});

Deno.test("parse() refuses IPv4 options with impossible lengths", () => {
  const bad = [
    [7, 0, 0, 0],
    [7, 1, 0, 0],
    [7, 5, 4, 0],
    [1, 1, 1, 7],
    [148, 255, 0, 0],
  ];
  for (const options of bad) {
    assert.equal(judgeOf({ ...TCP4, ipv4Options: Uint8Array.from(options) }), "badOptions");
  }
});

Deno.test("parse() refuses source routes wherever they stand among the options", () => {
  for (const type of [131, 137]) {
    const route = [type, 7, 4, 10, 0, 0, 1];
    assert.equal(judgeOf({ ...TCP4, ipv4Options: Uint8Array.of(...route, 0) }), "sourceRoute");
    assert.equal(judgeOf({ ...TCP4, ipv4Options: Uint8Array.of(1, ...route) }), "sourceRoute");
    const after = Uint8Array.of(148, 4, 0, 0, ...route, 0);
    assert.equal(judgeOf({ ...TCP4, ipv4Options: after }), "sourceRoute");
    // After the end of the list there are no options.
    assert.equal(judgeOf({ ...TCP4, ipv4Options: Uint8Array.of(0, ...route) }), "parsed");
  }
});

Deno.test("parse() steps over all other options and finds the ports behind them", () => {
  const harmless = [
    new Array(40).fill(1),
    [148, 4, 0, 0],
    // Record route and timestamp with pointers that point nowhere.
    [7, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [68, 12, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ];
  for (const options of harmless) {
    const ip = buildPacket({ ...TCP4, ipv4Options: Uint8Array.from(options) });
    const { packet } = place(ip);
    assert.equal(reasonName(packet.parse(IP_OFFSET, ip.length)), "parsed");
    assert.equal(packet.hasOptions, true);
    assert.equal(packet.destinationPort, 80);
    assert.equal(packet.l4Offset, IP_OFFSET + 20 + options.length);
  }
});

Deno.test("parse() steps over IPv6 extension headers and finds the ports behind them", () => {
  const chains = [
    [paddingHeader(0)],
    [paddingHeader(60)],
    [paddingHeader(0, 256), paddingHeader(60, 256)],
    [paddingHeader(0), paddingHeader(60), routingHeader(2, 0), paddingHeader(60)],
    // An atomic fragment is a whole packet (RFC 6946).
    [fragmentHeader(7, 0, false)],
    new Array(8).fill(paddingHeader(60)),
  ];
  for (const extensionHeaders of chains) {
    const ip = buildPacket({ ...TCP6, extensionHeaders });
    const { packet } = place(ip);
    assert.equal(reasonName(packet.parse(IP_OFFSET, ip.length)), "parsed");
    assert.equal(packet.hasOptions, true);
    assert.equal(packet.isFragment, false);
    assert.equal(packet.destinationPort, 80);
    assert.equal(packet.l4Bytes, 20);
  }
});

Deno.test("parse() refuses chains of extension headers that nobody needs", () => {
  const chains = [
    new Array(9).fill(paddingHeader(60)),
    new Array(100).fill(paddingHeader(60)),
    [paddingHeader(60, 264)],
    [paddingHeader(60, 2048)],
    // Hop-by-hop not first, and twice.
    [paddingHeader(60), paddingHeader(0)],
    [paddingHeader(0), paddingHeader(0)],
    [fragmentHeader(7, 0, false), fragmentHeader(8, 0, false)],
  ];
  for (const extensionHeaders of chains) {
    assert.equal(judgeOf({ ...TCP6, extensionHeaders }), "badExtensionHeader");
  }
  // A length past the packet.
  assert.equal(
    judge(patched({ ...TCP6, extensionHeaders: [paddingHeader(60)] }, { 41: 31 })),
    "badExtensionHeader",
  );
  // Cut off in the middle, and by one unit of 8 bytes.
  assert.equal(
    judge(patched({ ...TCP6, extensionHeaders: [paddingHeader(60, 16)] }, { 5: 8 })),
    "badExtensionHeader",
  );
  assert.equal(
    judge(patched({ ...TCP6, extensionHeaders: [paddingHeader(60)] }, { 5: 7 })),
    "badExtensionHeader",
  );
});

Deno.test("parse() refuses routing headers that still have a way to go, and type 0 always", () => {
  assert.equal(judgeOf({ ...TCP6, extensionHeaders: [routingHeader(0, 0)] }), "sourceRoute");
  assert.equal(judgeOf({ ...TCP6, extensionHeaders: [routingHeader(0, 1)] }), "sourceRoute");
  assert.equal(judgeOf({ ...TCP6, extensionHeaders: [routingHeader(4, 1)] }), "sourceRoute");
});

Deno.test("parse() takes DF together with MF or an offset for a fragment", () => {
  for (const flags of [0x6000, 0x4001, 0x2000, 0x0001, 0x8001]) {
    const ip = patched({ ...UDP4, payload: new Uint8Array(16) }, {
      6: flags >> 8,
      7: flags & 0xff,
    });
    const { packet } = place(ip);
    assert.equal(reasonName(packet.parse(IP_OFFSET, ip.length)), "parsed");
    assert.equal(packet.isFragment, true);
  }
  const reserved = patched(UDP4, { 6: 0x80 });
  const { packet } = place(reserved);
  assert.equal(reasonName(packet.parse(IP_OFFSET, reserved.length)), "parsed");
  assert.equal(packet.isFragment, false);
});

Deno.test("parse() refuses fragments that cannot be part of a datagram", () => {
  // More follow, and the length is no multiple of 8.
  const odd = { ...UDP4, payload: new Uint8Array(9) };
  assert.equal(judge(patched(odd, { 6: 0x20 })), "badFragment");
  const extensionHeaders = [fragmentHeader(1, 0, true)];
  assert.equal(judgeOf({ ...UDP6, payload: new Uint8Array(9), extensionHeaders }), "badFragment");
  // Nothing in it.
  assert.equal(judge(patched({ ...ECHO4, protocol: 17 }, { 6: 0x20 })), "badFragment");
  // The datagram would be longer than 65,535 bytes ("ping of death").
  assert.equal(judge(patched(UDP4, { 6: 0x1f, 7: 0xff })), "badFragment");
  const last = [fragmentHeader(1, 65528, false)];
  assert.equal(judgeOf({ ...UDP6, extensionHeaders: last }), "badFragment");
});

Deno.test("parse() accepts fragments up to exactly 65,535 bytes of datagram", () => {
  const last4 = (bytes: number) => {
    const payload = new Uint8Array(bytes);
    return patched({ ...ECHO4, protocol: 17, payload }, { 6: 0x1f, 7: 0xfb });
  };
  // 20 bytes of header, offset 65,496.
  assert.equal(judge(last4(19)), "parsed");
  assert.equal(judge(last4(20)), "badFragment");
  // IPv6 counts what precedes the fragment header, but not its own 40 bytes.
  const last6 = (bytes: number, before: boolean) =>
    judgeOf({
      ...ECHO6,
      protocol: 17,
      payload: new Uint8Array(bytes),
      extensionHeaders: [...(before ? [paddingHeader(0)] : []), fragmentHeader(1, 65520, false)],
    });
  assert.equal(last6(15, false), "parsed");
  assert.equal(last6(16, false), "badFragment");
  assert.equal(last6(7, true), "parsed");
  assert.equal(last6(8, true), "badFragment");
});

Deno.test("parse() does not take the middle of an IPv6 datagram for headers", () => {
  const payload = new Uint8Array(16).fill(60);
  const ip = buildPacket({
    ...ECHO6,
    protocol: 60,
    payload,
    extensionHeaders: [fragmentHeader(1, 800, false)],
  });
  const { packet } = place(ip);
  assert.equal(reasonName(packet.parse(IP_OFFSET, ip.length)), "parsed");
  assert.equal(packet.protocol, 60);
  assert.equal(packet.l4Offset, IP_OFFSET + 48);
  assert.equal(packet.l4Bytes, 16);
});

Deno.test("parse() refuses fragments that hide or overwrite a TCP header", () => {
  const segment = buildPacket({ ...TCP4, payload: new Uint8Array(64) });
  const segment6 = buildPacket({ ...TCP6, payload: new Uint8Array(64) });
  for (const tiny of [8, 16]) {
    const [first, second] = fragmentPacket(segment, tiny, 1) as [Uint8Array, Uint8Array];
    assert.equal(judge(first), "badTcp");
    assert.equal(judge(second), tiny === 8 ? "badFragment" : "parsed");
    const [first6, second6] = fragmentPacket(segment6, tiny, 1) as [Uint8Array, Uint8Array];
    assert.equal(judge(first6), "badTcp");
    assert.equal(judge(second6), tiny === 8 ? "badFragment" : "parsed");
  }
  for (const whole of [24, 64]) {
    for (const fragment of fragmentPacket(segment, whole, 1)) {
      assert.equal(judge(fragment), "parsed");
    }
  }
});

Deno.test("parse() refuses a first fragment whose extension headers run into the next one", () => {
  const extensionHeaders = [fragmentHeader(1, 0, true), paddingHeader(60, 64)];
  const ip = buildPacket({ ...UDP6, extensionHeaders });
  ip[5] = 8 + 32;
  assert.equal(judge(ip.subarray(0, 40 + 8 + 32)), "badExtensionHeader");
});

Deno.test("parseFrame() refuses what is not an IP packet for one machine", () => {
  const judgeFrame = (frame: Uint8Array) => {
    const { packet } = place(frame);
    return reasonName(packet.parseFrame(IP_OFFSET, frame.length));
  };
  const withType = (type: number, options = TCP4) => {
    const frame = buildFrame(options);
    frame[12] = type >> 8;
    frame[13] = type & 0xff;
    return frame;
  };
  assert.equal(judgeFrame(buildFrame(TCP4)), "parsed");
  assert.equal(judgeFrame(buildFrame(TCP6)), "parsed");
  // VLAN, QinQ, ARP, LLC length, something unknown.
  for (const type of [0x8100, 0x88a8, 0x0806, 0x0040, 0x1234]) {
    assert.equal(judgeFrame(withType(type)), "notIp");
  }
  assert.equal(judgeFrame(withType(0x86dd)), "badVersion");
  assert.equal(judgeFrame(withType(0x0800, TCP6)), "badVersion");
  assert.equal(
    judgeFrame(buildFrame({ ...TCP4, destinationMac: "ff:ff:ff:ff:ff:ff" })),
    "notUnicast",
  );
  assert.equal(
    judgeFrame(buildFrame({ ...TCP4, destinationMac: "01:00:5e:00:00:01" })),
    "notUnicast",
  );
  assert.equal(judgeFrame(buildFrame(TCP4).slice(0, 13)), "tooShort");
  assert.equal(judgeFrame(buildFrame(TCP4).slice(0, 14)), "tooShort");
});

/** Whatever they are: bytes at random, and good packets with damage. */
const anyBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 120 }),
  fc.tuple(
    fc.constantFrom(TCP4, UDP4, ECHO4, TCP6, UDP6, ECHO6, {
      ...TCP6,
      extensionHeaders: [paddingHeader(0), fragmentHeader(1, 0, true), paddingHeader(60)],
    }),
    fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 4 }),
    fc.nat(120),
    fc.boolean(),
  ).map(([options, damage, length, mend]) => {
    const ip = buildPacket(options as FrameOptions);
    for (const [at, value] of damage) ip[at % ip.length] = value;
    const view = new Ipv4View(ip);
    // With a right checksum the damage gets further.
    if (mend && ip[0]! >>> 4 === 4 && view.headerBytes <= ip.length) view.fillChecksum();
    return ip.slice(0, Math.max(length, ip.length - 10));
  }),
);

Deno.test("parse() never throws, and what it finds lies inside the packet", () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyBytes, (ip) => {
      const { packet } = place(ip);
      const reason = packet.parse(IP_OFFSET, ip.length);
      if (reasonName(reason) !== "parsed") return;
      accepted++;
      assert.ok(packet.totalBytes <= ip.length);
      assert.equal(packet.l4Offset + packet.l4Bytes, IP_OFFSET + packet.totalBytes);
      assert.ok(packet.l4Offset >= IP_OFFSET + (packet.family === 4 ? 20 : 40));
      assert.ok(packet.payloadBytes >= 0 && packet.payloadBytes <= packet.l4Bytes);
    }),
    { numRuns: 5000 },
  );
  assert.ok(accepted > 200, `only ${accepted} were accepted: too much damage to show anything`);
});

Deno.test("rewrite() of whatever parse() accepts writes inside the packet only", () => {
  const words = fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), {
    minLength: 8,
    maxLength: 8,
  });
  fc.assert(
    fc.property(anyBytes, words, fc.boolean(), (ip, to, partial) => {
      const { packet, bytes } = place(ip);
      if (reasonName(packet.parse(IP_OFFSET, ip.length)) !== "parsed") return;
      rewrite(packet, Int32Array.from(to), 1, 2, partial);
      assert.ok(bytes.subarray(0, IP_OFFSET).every((byte) => byte === FENCE));
      const after = bytes.subarray(IP_OFFSET + packet.totalBytes, IP_OFFSET + ip.length);
      assert.deepEqual(after, ip.subarray(packet.totalBytes));
      assert.ok(bytes.subarray(IP_OFFSET + ip.length).every((byte) => byte === FENCE));
    }),
    { numRuns: 5000 },
  );
});
