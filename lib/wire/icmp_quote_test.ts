import assert from "node:assert/strict";
import fc from "fast-check";
import * as real from "./_real_packets.ts";
import {
  anyAddress,
  anyPort,
  FENCE,
  IP_OFFSET,
  naiveSum,
  place,
  wordsOf,
} from "./_test_support.ts";
import { formatEndpoint, IpAddress } from "./address.ts";
import { buildPacket, type FrameOptions } from "./build_frame.ts";
import { isError, parseQuote, type Quote, rewriteError, stripExtensions } from "./icmp_quote.ts";
import { paddingHeader } from "./ipv6_extension.ts";
import { fillL4, verifyL4 } from "./l4_checksum.ts";
import { PARSED, reasonName } from "./reason.ts";

const ROUTER4 = "192.0.2.1";
const ROUTER6 = "2001:db8:2::1";

/** An error from a router about the first `bytes` of a packet, sent to that packet's source. */
function errorAbout(
  about: Uint8Array,
  source: string,
  to: string,
  bytes = about.length,
): Uint8Array {
  const isV4 = about[0]! >>> 4 === 4;
  return buildPacket({
    protocol: "icmp",
    source,
    destination: to,
    icmp: isV4 ? { type: 3, code: 4, rest: 1400 } : { type: 2, code: 0, rest: 1400 },
    payload: about.slice(0, bytes),
  });
}

function quoteOf(ip: Uint8Array): Quote {
  const { packet } = place(ip);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  const quote = parseQuote(packet);
  assert.equal(typeof quote, "object", typeof quote === "number" ? reasonName(quote) : "");
  return quote as Quote;
}

function why(ip: Uint8Array): string {
  const { packet } = place(ip);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  const quote = parseQuote(packet);
  return typeof quote === "number" ? reasonName(quote) : "quote";
}

const ABOUT4: FrameOptions = {
  protocol: "tcp",
  source: "203.0.113.10:80",
  destination: "198.51.100.2:40000",
  sequence: 0x89abcdef,
  payload: new Uint8Array(100),
};
const ABOUT6: FrameOptions = {
  ...ABOUT4,
  source: "[2001:db8:f::10]:80",
  destination: "[2001:db8:c::2]:40000",
};

Deno.test("parseQuote() reads the errors of the Linux kernel", () => {
  for (
    const [slot, port] of [[real.ICMP_UNREACHABLE_V4, 37292], [
      real.ICMP_UNREACHABLE_V6,
      59393,
    ]] as const
  ) {
    const { packet } = place(slot.slice(24));
    packet.parse(IP_OFFSET, slot.length - 24);
    assert.ok(isError(packet));
    assert.ok(verifyL4(packet, false));
    const quote = quoteOf(slot.slice(24));
    assert.deepEqual([quote.protocol, quote.sourcePort, quote.destinationPort], [17, port, 53]);
    assert.equal(quote.totalBytes, packet.family === 4 ? 61 : 81);
    assert.deepEqual(quote.addresses.subarray(0, 4), packet.addresses.subarray(4, 8));
  }
});

Deno.test("isError() knows errors from queries", () => {
  for (
    const slot of [real.ICMP_ECHO_V4, real.ICMP_ECHO_V6, real.TCP_SYN_V4, real.UDP_LAST_FRAGMENT_V4]
  ) {
    const { packet } = place(slot.slice(24));
    packet.parse(IP_OFFSET, slot.length - 24);
    assert.ok(!isError(packet));
  }
});

Deno.test("parseQuote() is content with 8 bytes above IP, behind options and extension headers", () => {
  const v4 = quoteOf(errorAbout(buildPacket(ABOUT4), ROUTER4, "203.0.113.10", 28));
  assert.deepEqual([v4.sourcePort, v4.destinationPort, v4.tcpSequence], [
    80,
    40000,
    0x89abcdef | 0,
  ]);
  assert.equal(v4.totalBytes, 140);
  const ipv4Options = new Uint8Array(40).fill(1);
  const options = quoteOf(
    errorAbout(buildPacket({ ...ABOUT4, ipv4Options }), ROUTER4, "203.0.113.10", 68),
  );
  assert.deepEqual([options.sourcePort, options.destinationPort], [80, 40000]);
  const extensionHeaders = [paddingHeader(0), paddingHeader(60, 16)];
  const about6 = buildPacket({ ...ABOUT6, extensionHeaders });
  const v6 = quoteOf(errorAbout(about6, ROUTER6, "2001:db8:f::10", 40 + 24 + 8));
  assert.deepEqual([v6.sourcePort, v6.destinationPort], [80, 40000]);
});

Deno.test("parseQuote() refuses quotes that are cut short at any byte", () => {
  for (
    const [options, router, to, enough] of [
      [ABOUT4, ROUTER4, "203.0.113.10", 28],
      [ABOUT6, ROUTER6, "2001:db8:f::10", 48],
    ] as const
  ) {
    const about = buildPacket(options);
    for (let bytes = 0; bytes < enough; bytes++) {
      assert.equal(why(errorAbout(about, router, to, bytes)), "badIcmp", `${bytes} bytes`);
    }
    assert.equal(why(errorAbout(about, router, to, enough)), "quote");
  }
});

Deno.test("parseQuote() refuses quotes that contradict themselves", () => {
  const about = buildPacket(ABOUT4);
  const of = (bytes: Uint8Array) => why(errorAbout(bytes, ROUTER4, "203.0.113.10"));
  assert.equal(of(about.with(10, about[10]! ^ 1)), "badChecksum");
  assert.equal(of(about.with(0, 0x43)), "badIcmp");
  assert.equal(of(about.with(0, 0x4f).slice(0, 40)), "badIcmp");
  // Version 6 inside version 4.
  const inner6 = buildPacket(ABOUT6);
  const wrapped = buildPacket({
    protocol: "icmp",
    source: ROUTER4,
    destination: "203.0.113.10",
    icmp: { type: 3, code: 1, rest: 0 },
    payload: inner6,
  });
  assert.equal(why(wrapped), "badIcmp");
});

Deno.test("parseQuote() refuses errors about errors, later fragments and other people's packets", () => {
  const error = buildPacket({
    protocol: "icmp",
    source: "203.0.113.10",
    destination: "198.51.100.2",
    icmp: { type: 3, code: 3, rest: 0 },
    payload: new Uint8Array(28),
  });
  assert.equal(why(errorAbout(error, ROUTER4, "203.0.113.10")), "badIcmp");
  const error6 = buildPacket({
    protocol: "icmp",
    source: "2001:db8:f::10",
    destination: "2001:db8:c::2",
    icmp: { type: 1, code: 4, rest: 0 },
    payload: new Uint8Array(48),
  });
  assert.equal(why(errorAbout(error6, ROUTER6, "2001:db8:f::10")), "badIcmp");
  assert.equal(
    why(errorAbout(real.UDP_LAST_FRAGMENT_V4.slice(24), ROUTER4, "198.51.100.2", 100)),
    "badFragment",
  );
  assert.equal(
    why(errorAbout(real.UDP_LAST_FRAGMENT_V6.slice(24), ROUTER6, "2001:db8:c::2", 100)),
    "badFragment",
  );
  assert.equal(why(errorAbout(buildPacket(ABOUT4), ROUTER4, "203.0.113.11")), "badIcmp");
  const gre = buildPacket({
    ...ABOUT4,
    protocol: 47,
    source: "203.0.113.10",
    destination: "198.51.100.2",
  });
  assert.equal(why(errorAbout(gre, ROUTER4, "203.0.113.10")), "unknownProtocol");
});

Deno.test("parseQuote() takes no bytes of an extension for the quoted packet", () => {
  // RFC 4884: 32 words of quote, then an extension.
  const payload = new Uint8Array(128 + 12).fill(0xee);
  payload.set(buildPacket(ABOUT4).slice(0, 128));
  const ip = buildPacket({
    protocol: "icmp",
    source: ROUTER4,
    destination: "203.0.113.10",
    icmp: { type: 3, code: 4, rest: (32 << 16) | 1400 },
    payload,
  });
  const quote = quoteOf(ip);
  assert.equal(quote.endOffset - quote.ipOffset, 128);
  // A length that points past the message is limited by it.
  const long = buildPacket({
    protocol: "icmp",
    source: ROUTER4,
    destination: "203.0.113.10",
    icmp: { type: 3, code: 4, rest: (255 << 16) | 1400 },
    payload,
  });
  assert.equal(quoteOf(long).endOffset, IP_OFFSET + long.length);
});

/** A quoted packet of either family, quoted in part, and the session's other ends. */
const anyError = fc.record({
  family: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<"tcp" | "udp" | "icmp">("tcp", "udp", "icmp"),
  payload: fc.uint8Array({ maxLength: 40 }),
  withoutChecksum: fc.boolean(),
  // 17 bytes of TCP would end in the middle of its checksum, which then cannot be mended.
  quoted: fc.nat(100).filter((bytes) => bytes !== 9),
}).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    addresses: fc.tuple(...Array.from({ length: 6 }, () => anyAddress(shape.family))),
    ports: fc.tuple(anyPort, anyPort, anyPort, anyPort),
  })
).filter(({ addresses }) => new Set(addresses.map(String)).size === addresses.length);

Deno.test("rewriteError() leaves all checksums right that can be checked, and touches nothing else", () => {
  fc.assert(
    fc.property(anyError, ({ shape, addresses, ports }) => {
      const [client, vip, router, server, nat, newRouter] = addresses as [
        IpAddress,
        IpAddress,
        IpAddress,
        IpAddress,
        IpAddress,
        IpAddress,
      ];
      const isV4 = shape.family === 4;
      const build = (source: IpAddress, destination: IpAddress, from: number, to: number) =>
        buildPacket({
          protocol: shape.protocol,
          payload: shape.payload,
          ...(shape.withoutChecksum && shape.protocol === "udp" ? { checksum: 0 } : {}),
          source: shape.protocol === "icmp"
            ? String(source)
            : formatEndpoint({ address: source, port: from }),
          destination: shape.protocol === "icmp"
            ? String(destination)
            : formatEndpoint({ address: destination, port: to }),
        });
      const about = build(vip, client, ports[0], ports[1]);
      const wanted = build(server, nat, ports[2], ports[3]);
      const length = Math.min(about.length, (isV4 ? 28 : 48) + shape.quoted);
      const ip = errorAbout(about, String(router), String(vip), length);
      const { packet, bytes } = place(ip);
      assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
      const quote = parseQuote(packet);
      assert.ok(typeof quote === "object");
      rewriteError(packet, quote, {
        outer: wordsOf(newRouter, server),
        inner: wordsOf(server, nat),
        innerSourcePort: ports[2],
        innerDestinationPort: ports[3],
      });
      const result = bytes.slice(IP_OFFSET, IP_OFFSET + ip.length);
      assert.deepEqual(result, errorAbout(wanted, String(newRouter), String(server), length));
      assert.ok(bytes.subarray(IP_OFFSET + ip.length).every((byte) => byte === FENCE));
      assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
      assert.ok(verifyL4(packet, false));
      if (isV4) assert.equal(naiveSum(result.slice(28, 48)), 0xffff);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("stripExtensions() cuts off what a router says of itself, and the error stays one", () => {
  for (
    const [about, router, to] of [[ABOUT4, ROUTER4, "203.0.113.10"], [
      ABOUT6,
      ROUTER6,
      "2001:db8:f::10",
    ]] as const
  ) {
    const isV4 = about === ABOUT4;
    const payload = new Uint8Array(128 + 12).fill(0xee);
    payload.set(buildPacket(about).slice(0, 128));
    const build = (length: number, bytes: Uint8Array) =>
      buildPacket({
        protocol: "icmp",
        source: router,
        destination: to,
        // RFC 4884: 32 words of 4 bytes in byte 5, or 16 of 8 bytes in byte 4.
        icmp: isV4
          ? { type: 3, code: 1, rest: length / 4 << 16 }
          : { type: 1, code: 3, rest: length / 8 << 24 },
        payload: bytes,
      });
    const ip = build(128, payload);
    const { packet, bytes } = place(ip);
    assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
    const quote = parseQuote(packet);
    assert.ok(typeof quote === "object");
    stripExtensions(packet, quote);
    fillL4(packet);
    assert.equal(packet.totalBytes, ip.length - 12);
    const result = bytes.slice(IP_OFFSET, IP_OFFSET + packet.totalBytes);
    assert.deepEqual(result, build(0, payload.slice(0, 128)));
    assert.deepEqual(
      bytes.slice(IP_OFFSET + packet.totalBytes, IP_OFFSET + ip.length),
      payload.slice(128),
    );
    // Nothing to cut off.
    const before = bytes.slice();
    assert.equal(packet.parse(IP_OFFSET, packet.totalBytes), PARSED);
    stripExtensions(packet, parseQuote(packet) as Quote);
    assert.deepEqual(bytes, before);
  }
});

Deno.test("parseQuote() never throws, and rewriteError() stays inside the packet", () => {
  const damage = fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(fc.boolean(), damage, fc.nat(140), (isV4, changes, cut) => {
      const ip = isV4
        ? errorAbout(buildPacket(ABOUT4), ROUTER4, "203.0.113.10", cut)
        : errorAbout(buildPacket(ABOUT6), ROUTER6, "2001:db8:f::10", cut);
      const start = isV4 ? 28 : 48;
      for (const [at, value] of changes) if (start + at < ip.length) ip[start + at] = value;
      const { packet, bytes } = place(ip);
      assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
      fillL4(packet);
      const quote = parseQuote(packet);
      if (typeof quote === "number") return;
      const to = wordsOf(IpAddress.parse("10.0.0.11"), IpAddress.parse("10.0.1.1"));
      rewriteError(packet, quote, {
        outer: to,
        inner: to,
        innerSourcePort: 1,
        innerDestinationPort: 2,
      });
      assert.ok(bytes.subarray(0, IP_OFFSET).every((byte) => byte === FENCE));
      assert.ok(bytes.subarray(IP_OFFSET + ip.length).every((byte) => byte === FENCE));
    }),
    { numRuns: 5000 },
  );
});
