import assert from "node:assert/strict";
import fc from "fast-check";
import * as real from "./_real_packets.ts";
import { anyAddress, anyPort, IP_OFFSET, naiveSum, place, wordsOf } from "./_test_support.ts";
import { formatEndpoint, type IpAddress, parseEndpoint } from "./address.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "./build_frame.ts";
import { Ipv4View } from "./ipv4.ts";
import { fragmentHeader, paddingHeader } from "./ipv6_extension.ts";
import { verifyL4 } from "./l4_checksum.ts";
import { PARSED } from "./reason.ts";
import { decrementHopLimit, rewrite, setIdentification } from "./rewrite.ts";

/** A whole packet and the ends it is to get. */
interface Case {
  readonly options: FrameOptions;
  readonly source: string;
  readonly destination: string;
}

interface Ends {
  readonly source: { readonly address: IpAddress; readonly port: number };
  readonly destination: { readonly address: IpAddress; readonly port: number };
}

function anyEnds(family: 4 | 6): fc.Arbitrary<Ends> {
  const end = fc.record({ address: anyAddress(family), port: anyPort });
  return fc.record({ source: end, destination: end })
    .filter((ends) => !ends.source.address.equals(ends.destination.address));
}

/** Any packet that is no fragment, and any new ends for it. */
const anyCase: fc.Arbitrary<Case> = fc.record({
  family: fc.constantFrom<4 | 6>(4, 6),
  protocol: fc.constantFrom<"tcp" | "udp" | "icmp">("tcp", "udp", "icmp"),
  payload: fc.uint8Array({ maxLength: 60 }),
  numbers: fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffff), fc.nat(0xff)),
  more: fc.boolean(),
}).chain(({ family, protocol, payload, numbers, more }) =>
  fc.tuple(anyEnds(family), anyEnds(family)).map(([from, to]) => {
    const text = (end: Ends["source"]) =>
      protocol === "icmp" ? String(end.address) : formatEndpoint(end);
    const options: FrameOptions = {
      protocol,
      payload,
      source: text(from.source),
      destination: text(from.destination),
      sequence: numbers[0],
      acknowledgement: numbers[1],
      identification: numbers[2],
      trafficClass: numbers[3],
      ...(more && family === 4 ? { ipv4Options: Uint8Array.of(148, 4, 0, 0) } : {}),
      ...(more && family === 6
        ? { extensionHeaders: [paddingHeader(0), fragmentHeader(9, 0, false)] }
        : {}),
    };
    return { options, source: text(to.source), destination: text(to.destination) };
  })
);

/** The packet with its ends replaced, built anew. */
function expected(c: Case): Uint8Array {
  return buildPacket({ ...c.options, source: c.source, destination: c.destination });
}

/** Translates a packet and returns its bytes. */
function translate(ip: Uint8Array, to: Case, partial: boolean): Uint8Array {
  const { packet, bytes } = place(ip);
  assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
  const isIcmp = to.options.protocol === "icmp";
  const end = (text: string) => parseEndpoint(isIcmp ? withPort(text) : text);
  const source = end(to.source);
  const destination = end(to.destination);
  rewrite(
    packet,
    wordsOf(source.address, destination.address),
    source.port,
    destination.port,
    partial,
  );
  return bytes.slice(IP_OFFSET, IP_OFFSET + ip.length);
}

function withPort(address: string): string {
  return address.includes(":") ? `[${address}]:0` : `${address}:0`;
}

function back(c: Case): Case {
  return { options: c.options, source: c.options.source, destination: c.options.destination };
}

Deno.test("rewrite() gives byte for byte what building the packet anew gives", () => {
  fc.assert(
    fc.property(anyCase, (c) => {
      assert.deepEqual(translate(buildPacket(c.options), c, false), expected(c));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("rewrite() of a partial checksum gives what building it anew gives", () => {
  const partialCase = anyCase.filter((c) => c.options.protocol !== "icmp")
    .map((c): Case => ({ ...c, options: { ...c.options, checksum: "partial" } }));
  fc.assert(
    fc.property(partialCase, (c) => {
      assert.deepEqual(translate(buildPacket(c.options), c, true), expected(c));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("rewrite() there and back gives the bytes of before", () => {
  fc.assert(
    fc.property(anyCase, fc.boolean(), (c, partial) => {
      const options: FrameOptions = partial && c.options.protocol !== "icmp"
        ? { ...c.options, checksum: "partial" }
        : c.options;
      const before = buildPacket(options);
      const there = translate(before, c, partial && c.options.protocol !== "icmp");
      assert.deepEqual(translate(there, back(c), partial && c.options.protocol !== "icmp"), before);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("rewrite() keeps a wrong checksum wrong by the same amount", () => {
  const wrong = fc.tuple(anyCase, fc.integer({ min: 1, max: 0xfffe }));
  fc.assert(
    fc.property(wrong, ([c, checksum]) => {
      const broken: Case = { ...c, options: { ...c.options, checksum } };
      const translated = translate(buildPacket(broken.options), broken, false);
      const at = checksumAt(translated, c);
      const errorBefore = checksum - read(buildPacket(c.options), checksumAt(translated, c));
      const errorAfter = read(translated, at) - read(expected(c), at);
      assert.ok((errorBefore - errorAfter) % 0xffff === 0, `${errorBefore}, then ${errorAfter}`);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("rewrite() changes addresses, ports and checksums and nothing else", () => {
  fc.assert(fc.property(anyCase, (c) => {
    const before = buildPacket(c.options);
    const after = translate(before, c, false);
    const allowed = new Set<number>();
    const allow = (at: number, count: number) => {
      for (let i = 0; i < count; i++) allowed.add(at + i);
    };
    if (before[0]! >>> 4 === 4) allow(10, 10);
    else allow(8, 32);
    const l4 = checksumAt(before, c) - checksumPlace(c);
    if (c.options.protocol !== "icmp") allow(l4, 4);
    allow(l4 + checksumPlace(c), 2);
    for (let at = 0; at < before.length; at++) {
      if (!allowed.has(at)) assert.equal(after[at], before[at], `byte ${at}`);
    }
  }));
});

Deno.test("rewrite() leaves UDP over IPv4 without a checksum without one", () => {
  const udp4 = anyCase.filter((c) => c.options.protocol === "udp" && !c.source.startsWith("["))
    .map((c): Case => ({ ...c, options: { ...c.options, checksum: 0 } }));
  fc.assert(fc.property(udp4, (c) => {
    assert.deepEqual(translate(buildPacket(c.options), c, false), expected(c));
  }));
});

Deno.test("rewrite() sends a UDP checksum that comes out as 0 as 0xffff, of TCP as 0", () => {
  for (const family of ["4", "6"]) {
    for (const protocol of ["udp", "tcp"] as const) {
      const [a, b, c, d] = family === "4"
        ? ["198.51.100.2:1024", "203.0.113.10:53", "10.0.1.1:2000", "10.0.0.11:5353"]
        : ["[2001:db8::2]:1024", "[2001:db8::10]:53", "[2001:db8::1]:2000", "[2001:db8::11]:5353"];
      const ends = { source: c!, destination: d!, protocol } as const;
      // The two bytes of payload that make the checksum after the translation 0.
      const open = buildPacket({ ...ends, payload: Uint8Array.of(0, 0) });
      const at = open.length - 2 - (protocol === "udp" ? 2 : 4);
      const payload = open.slice(at, at + 2);
      const options: FrameOptions = { source: a!, destination: b!, protocol, payload };
      const translated = translate(buildPacket(options), { ...ends, options }, false);
      assert.equal(read(translated, at), protocol === "udp" ? 0xffff : 0, `${protocol} ${family}`);
      assert.deepEqual(translated, buildPacket({ ...ends, payload }));
      const { packet } = place(translated);
      assert.equal(packet.parse(IP_OFFSET, translated.length), PARSED);
      assert.ok(verifyL4(packet, false));
    }
  }
});

Deno.test("rewrite() of a response is what the agent has to do, byte for byte", () => {
  // 10.0.0.11:8080 > 10.0.1.1:1024 becomes 203.0.113.10:80 > 198.51.100.2:40000.
  const options: FrameOptions = {
    protocol: "tcp",
    source: "10.0.0.11:8080",
    destination: "10.0.1.1:1024",
    identification: 0x1234,
    payload: new TextEncoder().encode("HTTP/1.0 200 OK\r\n"),
  };
  const to = { source: "203.0.113.10:80", destination: "198.51.100.2:40000" };
  const before = buildPacket(options);
  const after = translate(before, { options, ...to }, false);
  assert.deepEqual(after.slice(12, 20), Uint8Array.of(203, 0, 113, 10, 198, 51, 100, 2));
  assert.deepEqual(after.slice(20, 24), Uint8Array.of(0, 80, 0x9c, 0x40));
  assert.deepEqual(after.slice(24, 36), before.slice(24, 36));
  assert.deepEqual(after.slice(38), before.slice(38));
  assert.ok(new Ipv4View(after).isChecksumValid());
});

Deno.test("rewrite() of fragments makes fragments of the rewritten datagram", () => {
  const payload = Uint8Array.from({ length: 100 }, (_, i) => i);
  for (
    const [source, destination, newSource, newDestination] of [
      ["198.51.100.2:1024", "203.0.113.10:53", "10.0.1.1:2000", "10.0.0.11:5353"],
      ["[2001:db8::2]:1024", "[2001:db8::10]:53", "[2001:db8::1]:2000", "[2001:db8::11]:5353"],
    ] as const
  ) {
    const options: FrameOptions = { protocol: "udp", source, destination, payload };
    const to: Case = { options, source: newSource, destination: newDestination };
    const fragments = fragmentPacket(buildPacket(options), 40, 77);
    const wanted = fragmentPacket(expected(to), 40, 77);
    assert.equal(fragments.length, 3);
    fragments.forEach((fragment, index) => {
      assert.deepEqual(translate(fragment, to, false), wanted[index]);
    });
  }
});

Deno.test("rewrite() of real packets with partial checksums keeps them partial", () => {
  for (
    const slot of [real.TCP_SUPER_PACKET_V4, real.TCP_SUPER_PACKET_V6, real.UDP_V4, real.UDP_V6]
  ) {
    const ip = slot.slice(24);
    const { packet } = place(ip);
    assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
    assert.ok(verifyL4(packet, true));
    const isV4 = packet.family === 4;
    const to = packet.addresses.map((w, i) => isV4 && i % 4 !== 3 ? w : w ^ 0x10203);
    rewrite(packet, to, 1, 2, true);
    assert.equal(packet.parse(IP_OFFSET, ip.length), PARSED);
    assert.deepEqual(packet.addresses, to);
    assert.deepEqual([packet.sourcePort, packet.destinationPort], [1, 2]);
    assert.ok(verifyL4(packet, true));
  }
});

Deno.test("decrementHopLimit() takes one and mends the checksum, from every value", () => {
  for (let hopLimit = 255; hopLimit > 1; hopLimit--) {
    const base = { protocol: "tcp", hopLimit } as const;
    const v4 = { ...base, source: "198.51.100.2:1", destination: "203.0.113.10:80" };
    const v6 = { ...base, source: "[2001:db8::2]:1", destination: "[2001:db8::10]:80" };
    for (const options of [v4, v6]) {
      const ip = buildPacket(options);
      const { packet, bytes } = place(ip);
      packet.parse(IP_OFFSET, ip.length);
      decrementHopLimit(packet);
      const after = bytes.slice(IP_OFFSET, IP_OFFSET + ip.length);
      assert.deepEqual(after, buildPacket({ ...options, hopLimit: hopLimit - 1 }));
    }
  }
});

Deno.test("setIdentification() mends the IPv4 checksum, and finds the IPv6 fragment header", () => {
  const v4 = { protocol: "udp", source: "198.51.100.2:1", destination: "203.0.113.10:80" } as const;
  fc.assert(fc.property(fc.nat(0xffff), fc.nat(0xffff), (from, to) => {
    const ip = buildPacket({ ...v4, identification: from });
    const { packet, bytes } = place(ip);
    packet.parse(IP_OFFSET, ip.length);
    setIdentification(packet, to);
    const after = bytes.slice(IP_OFFSET, IP_OFFSET + ip.length);
    assert.deepEqual(after, buildPacket({ ...v4, identification: to }));
  }));
  const v6 = {
    protocol: "udp",
    source: "[2001:db8::2]:1",
    destination: "[2001:db8::10]:80",
  } as const;
  const ip = buildPacket({
    ...v6,
    extensionHeaders: [paddingHeader(0), fragmentHeader(1, 0, false)],
  });
  const { packet, bytes } = place(ip);
  packet.parse(IP_OFFSET, ip.length);
  setIdentification(packet, 0xfedcba98);
  assert.deepEqual(
    bytes.slice(IP_OFFSET, IP_OFFSET + ip.length),
    buildPacket({
      ...v6,
      extensionHeaders: [paddingHeader(0), fragmentHeader(0xfedcba98, 0, false)],
    }),
  );
  const without = buildPacket(v6);
  const plain = place(without);
  plain.packet.parse(IP_OFFSET, without.length);
  setIdentification(plain.packet, 5);
  assert.deepEqual(plain.bytes.slice(IP_OFFSET, IP_OFFSET + without.length), without);
});

Deno.test("the frames that the tests compare with carry checksums that a slow twin computes too", () => {
  fc.assert(fc.property(anyCase, ({ options }) => {
    const ip = buildPacket(options);
    const isV4 = ip[0]! >>> 4 === 4;
    if (isV4) assert.equal(naiveSum(ip.slice(0, (ip[0]! & 15) * 4)), 0xffff);
    const l4 = isV4 ? (ip[0]! & 15) * 4 : ip.length - l4Length(options);
    const segment = ip.slice(l4);
    const addresses = isV4 ? ip.slice(12, 20) : ip.slice(8, 40);
    const protocol = options.protocol === "tcp" ? 6 : options.protocol === "udp" ? 17 : 58;
    const pseudo = isV4 && protocol === 58 ? 0 : naiveSum(addresses, protocol + segment.length);
    assert.equal(naiveSum(segment, pseudo), 0xffff);
  }));
});

function checksumPlace(c: Case): number {
  return c.options.protocol === "tcp" ? 16 : c.options.protocol === "udp" ? 6 : 2;
}

function l4Length(options: FrameOptions): number {
  return (options.protocol === "tcp" ? 20 : 8) + (options.payload?.length ?? 0);
}

/** Where the checksum above IP is. */
function checksumAt(ip: Uint8Array, c: Case): number {
  return ip.length - l4Length(c.options) + checksumPlace(c);
}

function read(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
