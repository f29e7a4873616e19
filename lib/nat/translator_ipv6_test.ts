/** What IPv6 does differently, and that both families go through one translator. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkPacketHeap } from "../../tests/support/heap.ts";
import { DROP } from "../session/drop_reason.ts";
import { formatEndpoint, IpAddress } from "../wire/address.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import {
  type ExtensionHeader,
  fragmentHeader,
  HEADER_DESTINATION,
  HEADER_HOP_BY_HOP,
  paddingHeader,
  routingHeader,
} from "../wire/ipv6_extension.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { Bench, config, type Outcome, service, words } from "./_test_translator.ts";

const SYN = 2, ACK = 16;
const CLIENT = "198.51.100.2:40000";
const VIP = "203.0.113.10:80";
const CLIENT6 = "[2001:db8:c::2]:40000";
const VIP6 = "[2001:db8:f::10]:80";
const DNS6 = "[2001:db8:f::10]:53";

const server6 = (host: number, port: number) => ({
  words: words(`2001:db8:10::${host}`),
  port,
  weight: 1,
});

/** web over IPv4; web6 and dns6 over IPv6. */
function bench(): Bench {
  const vip = words("2001:db8:f::10");
  return new Bench({
    config: config({
      snat: ["10.0.1.1", "2001:db8:1::1", "2001:db8:1::2"].map(words),
      services: [
        service(),
        service({ name: "web6", vip: { words: vip, port: 80 }, servers: [server6(11, 8080)] }),
        service({
          name: "dns6",
          protocol: 17,
          vip: { words: vip, port: 53 },
          servers: [server6(12, 5353)],
        }),
      ],
    }),
  });
}

/** As they are written in a description of a packet. */
function endsOf({ packet }: Outcome): { source: string; destination: string } {
  const end = (at: number, port: number) => {
    const [w0, w1, w2, w3] = packet.addresses.subarray(at);
    return formatEndpoint({ address: IpAddress.fromWords(w0!, w1!, w2!, w3!), port });
  };
  return { source: end(0, packet.sourcePort), destination: end(4, packet.destinationPort) };
}

Deno.test("IPv6 TCP is translated both ways, checksums and hop limit right", () => {
  const nat = bench();
  for (const checksum of ["full", "partial"] as const) {
    const partial = checksum === "partial";
    const syn = {
      protocol: "tcp",
      source: CLIENT6,
      destination: VIP6,
      flags: SYN,
      checksum,
    } as const;
    const inbound = nat.send(syn);
    assert.equal(inbound.verdict, 1);
    const { source, destination } = endsOf(inbound);
    assert.match(source, /^\[2001:db8:1::[12]\]:2000\d$/);
    assert.equal(destination, "[2001:db8:10::11]:8080");
    assert.equal(inbound.packet.hopLimit, 63);
    assert.ok(verifyL4(inbound.packet, partial));
    const outbound = nat.send({
      protocol: "tcp",
      source: destination,
      destination: source,
      flags: SYN | ACK,
      checksum,
    });
    assert.deepEqual(endsOf(outbound), { source: VIP6, destination: CLIENT6 });
    assert.ok(verifyL4(outbound.packet, partial));
  }
});

Deno.test("only addresses, ports, checksum and hop limit of an IPv6 packet change", () => {
  const nat = bench();
  const payload = Uint8Array.from({ length: 33 }, (_, i) => i);
  const packet: FrameOptions = {
    ...{ protocol: "udp", source: CLIENT6, destination: DNS6, payload },
    ...{ flowLabel: 0xabcde, trafficClass: 0x2e },
  };
  const before = buildPacket(packet);
  const { bytes } = nat.send(packet);
  const changed = [...before.keys()].filter((at) => before[at] !== bytes[at]);
  const mayChange = (at: number) => at === 7 || (at >= 8 && at < 44) || at === 46 || at === 47;
  assert.deepEqual(changed.filter((at) => !mayChange(at)), []);
  assert.deepEqual(bytes.subarray(48), payload);
});

Deno.test("an IPv4 and an IPv6 client with the same ports are two sessions", () => {
  const nat = bench();
  const four = nat.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: SYN });
  const six = nat.send({ protocol: "tcp", source: CLIENT6, destination: VIP6, flags: SYN });
  assert.match(endsOf(four).source, /^10\.0\.1\.1:/);
  assert.match(endsOf(six).source, /^\[2001:db8:1::/);
  const answer = (outcome: Outcome) => {
    const { source, destination } = endsOf(outcome);
    const flags = SYN | ACK;
    return endsOf(nat.send({ protocol: "tcp", source: destination, destination: source, flags }));
  };
  assert.equal(answer(four).destination, CLIENT);
  assert.equal(answer(six).destination, CLIENT6);
  assert.equal(nat.table.used, 2);
});

Deno.test("a UDP checksum that comes out as 0 is sent as 0xffff", () => {
  const nat = bench();
  const checksumOf = (payload: Uint8Array) => {
    const { bytes } = nat.send({ protocol: "udp", source: CLIENT6, destination: DNS6, payload });
    return (bytes[46]! << 8) | bytes[47]!;
  };
  // What a word of the payload adds to the sum, the checksum lacks: this one makes it 0.
  const checksum = checksumOf(Uint8Array.of(0, 0));
  assert.notEqual(checksum, 0xffff);
  assert.equal(checksumOf(Uint8Array.of(checksum >>> 8, checksum & 0xff)), 0xffff);
});

Deno.test("UDP without a checksum is malformed in IPv6 (RFC 8200, 8.1)", () => {
  const packet = { protocol: "udp", source: CLIENT6, destination: DNS6, checksum: 0 } as const;
  assert.throws(() => bench().send(packet), /udpChecksumZero/);
});

Deno.test("extension headers stay as they are, and what follows is translated", () => {
  const nat = bench();
  const headers: ExtensionHeader[][] = [
    [paddingHeader(HEADER_HOP_BY_HOP)],
    [paddingHeader(HEADER_DESTINATION, 24)],
    [paddingHeader(HEADER_HOP_BY_HOP, 16), paddingHeader(HEADER_DESTINATION)],
    [routingHeader(4, 0)],
    // An atomic fragment (RFC 6946) is whole.
    [fragmentHeader(7, 0, false)],
  ];
  for (const extensionHeaders of headers) {
    const packet = {
      protocol: "udp",
      source: CLIENT6,
      destination: DNS6,
      extensionHeaders,
    } as const;
    const before = buildPacket(packet);
    const outcome = nat.send(packet);
    const { verdict, packet: after, bytes } = outcome;
    assert.equal(verdict, 1);
    assert.equal(endsOf(outcome).destination, "[2001:db8:10::12]:5353");
    assert.ok(verifyL4(after, false));
    assert.deepEqual(
      bytes.subarray(40, after.ipHeaderBytes),
      before.subarray(40, after.ipHeaderBytes),
    );
  }
});

Deno.test("neighbour discovery, router messages and redirects translate nothing and get no answer", () => {
  const nat = bench();
  const syn = { protocol: "tcp", source: CLIENT6, destination: VIP6, flags: SYN } as const;
  const { source, destination } = endsOf(nat.send(syn));
  const address = (endpoint: string) => endpoint.slice(1, endpoint.indexOf("]"));
  const ends = [["2001:db8:2::1", "2001:db8:f::10"], [address(destination), address(source)]];
  for (const type of [133, 134, 135, 136, 137]) {
    for (const [from, to] of ends) {
      const { verdict, bytes } = nat.send({
        protocol: "icmp",
        source: from!,
        destination: to!,
        icmp: { type, code: 0, rest: 0 },
        // A target, and the packet that a redirect is about.
        payload: Uint8Array.of(
          ...new Array(32).fill(0),
          ...buildPacket({
            protocol: "tcp",
            source: VIP6,
            destination: CLIENT6,
          }),
        ),
        hopLimit: 255,
      });
      assert.equal(verdict, -DROP.unsupportedProtocol);
      assert.equal(bytes[7], 255, "not even its hop limit changes");
    }
  }
  assert.deepEqual(nat.replies, []);
  assert.deepEqual(nat.told.filter((line) => !line.startsWith("opened")), []);
});

Deno.test("translating an IPv6 packet allocates nothing", () => {
  const nat = bench();
  const payload = new Uint8Array(1400);
  const inbound = { protocol: "udp", source: CLIENT6, destination: DNS6, payload } as const;
  const { source, destination } = endsOf(nat.send(inbound));
  const outbound = { ...inbound, source: destination, destination: source };
  const { nowMs, translator } = nat;
  checkPacketHeap(
    [buildPacket(inbound), buildPacket(outbound)],
    (packet) => translator.handle(packet, 0, nowMs),
  );
});

Deno.test("whatever IPv6 clients send, it comes out with right checksums and goes back to them", () => {
  const word = fc.integer({ min: 0, max: 0xffff });
  const clients = fc.tuple(word, word, word, fc.integer({ min: 1, max: 65535 }));
  fc.assert(fc.property(clients, fc.uint8Array({ maxLength: 64 }), ([a, b, c, port], payload) => {
    const nat = bench();
    const [x, y, z] = [a, b, c].map((group) => group.toString(16));
    const client = `2001:db8:c:${x}::${y}:${z}`;
    const packet = { protocol: "udp", destination: DNS6, payload } as const;
    const inbound = nat.send({ ...packet, source: `[${client}]:${port}` });
    assert.ok(inbound.verdict > 0 && verifyL4(inbound.packet, false));
    const { source, destination } = endsOf(inbound);
    const outbound = nat.send({ ...packet, source: destination, destination: source });
    assert.ok(outbound.verdict > 0 && verifyL4(outbound.packet, false));
    assert.deepEqual(outbound.packet.addresses.subarray(4), Int32Array.from(words(client)));
    assert.equal(outbound.packet.destinationPort, port);
    assert.deepEqual(outbound.bytes.subarray(48), payload);
  }));
});
