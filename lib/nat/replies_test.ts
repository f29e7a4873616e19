import assert from "node:assert/strict";
import { DROP } from "../session/drop_reason.ts";
import { F64 } from "../session/layout.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "../wire/build_frame.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import type { Packet } from "../wire/packet.ts";
import { FLAG_NEEDS_CSUM, GSO_UDP_L4 } from "../wire/virtio_net_header.ts";
import { Bench, config, endpoint, noShares, service, words } from "./_test_translator.ts";

const SYN = 2, ACK = 16, FIN = 1, RST = 4;
const CLIENT = "198.51.100.2:40000";
const VIP = "203.0.113.10:80";
const CLIENT6 = "[2001:db8:c::2]:40000";
const VIP6 = "[2001:db8:f::10]:80";
const TCP = { protocol: "tcp", source: CLIENT, destination: VIP } as const;
const TCP6 = { protocol: "tcp", source: CLIENT6, destination: VIP6 } as const;
const CLOSED = "203.0.113.10:81", CLOSED6 = "[2001:db8:f::10]:81";
const RESERVED = new Uint8Array(100).fill(1);

const BOTH = config({
  services: [
    service(),
    service({
      name: "web6",
      vip: { words: words("2001:db8:f::10"), port: 80 },
      servers: [{ words: words("2001:db8:10::11"), port: 8080, weight: 1 }],
    }),
  ],
  snat: [words("10.0.1.1"), words("2001:db8:1::1")],
});

/** What one packet is answered with, in words. */
function answerTo(options: FrameOptions, bench = new Bench({ config: BOTH })): string[] {
  bench.replies.length = 0;
  const { verdict } = bench.send(options);
  assert.ok(verdict <= 0, `forwarded to ${verdict}`);
  for (const reply of bench.replies) assert.ok(verifyL4(reply, false));
  return [String(-verdict), ...bench.replies.map(describe)];
}

function describe(reply: Packet): string {
  const ends = `${endpoint(reply, 0)} > ${endpoint(reply, 4)}`;
  if (reply.protocol === 6) {
    return `${ends} flags ${reply.tcpFlags} seq ${reply.tcpSequence} ack ${reply.tcpAcknowledgement}`;
  }
  const rest = reply.view.getUint32(reply.l4Offset + 4);
  return `${ends} ${reply.icmpType}/${reply.icmpCode} ${rest}`;
}

const ICMP4 = "203.0.113.10:0 > 198.51.100.2:0";
const ICMP6 = "2001:db8:f::10:0 > 2001:db8:c::2:0";

Deno.test("a port that no service has: TCP gets a reset, UDP port unreachable, from the VIP", () => {
  const reset = `${CLOSED} > ${CLIENT} flags ${RST | ACK} seq 0 ack 2`;
  const noService = `${DROP.noService}`;
  assert.deepEqual(answerTo({ ...TCP, destination: CLOSED, flags: SYN }), [noService, reset]);
  assert.deepEqual(answerTo({ ...TCP6, destination: CLOSED6, flags: SYN }), [
    noService,
    `2001:db8:f::10:81 > 2001:db8:c::2:40000 flags ${RST | ACK} seq 0 ack 2`,
  ]);
  const payload = RESERVED;
  assert.deepEqual(answerTo({ ...TCP, protocol: "udp", payload }), [noService, `${ICMP4} 3/3 0`]);
  assert.deepEqual(answerTo({ ...TCP6, protocol: "udp", payload }), [noService, `${ICMP6} 1/4 0`]);
});

Deno.test("a segment of no session gets a reset with the number that it acknowledges, a reset gets nothing", () => {
  const stray = { ...TCP, sequence: 7, acknowledgement: 1000 };
  const reset = `${VIP} > ${CLIENT} flags ${RST} seq 1000 ack 0`;
  for (const flags of [ACK, FIN | ACK, SYN | ACK]) {
    assert.deepEqual(answerTo({ ...stray, flags }), [`${DROP.noSession}`, reset]);
  }
  for (const flags of [RST, RST | ACK]) {
    assert.deepEqual(answerTo({ ...stray, flags }), [`${DROP.noSession}`]);
    assert.deepEqual(answerTo({ ...stray, flags, destination: CLOSED }), [`${DROP.noService}`]);
  }
});

Deno.test("a server's segment of no session gets a reset, so that it lets go; its datagram gets nothing", () => {
  const response = { source: "10.0.0.11:8080", destination: "10.0.1.1:20000" };
  assert.deepEqual(answerTo({ ...TCP, ...response, flags: ACK }), [
    `${DROP.noSession}`,
    `10.0.1.1:20000 > 10.0.0.11:8080 flags ${RST} seq 1 ack 0`,
  ]);
  assert.deepEqual(answerTo({ ...response, protocol: "udp" }), [`${DROP.noSession}`]);
  // Nobody else is told anything about SNAT addresses.
  assert.deepEqual(answerTo({ ...TCP, destination: "10.0.1.1:20000", flags: SYN }), [
    `${DROP.noSession}`,
  ]);
});

Deno.test("nothing left to make a session of: TCP gets a reset, UDP is told that it is prohibited", () => {
  const none = (protocol: number) => {
    const services = [service({ protocol, board: noShares() })];
    return new Bench({ config: config({ services }) });
  };
  assert.deepEqual(answerTo({ ...TCP, flags: SYN }, none(6)), [
    `${DROP.noServer}`,
    `${VIP} > ${CLIENT} flags ${RST | ACK} seq 0 ack 2`,
  ]);
  assert.deepEqual(answerTo({ ...TCP, protocol: "udp", payload: RESERVED }, none(17)), [
    `${DROP.noServer}`,
    `${ICMP4} 3/13 0`,
  ]);
});

Deno.test("another protocol to a VIP is refused, with a pointer to its number in IPv6", () => {
  const ends = { source: "198.51.100.2", destination: "203.0.113.10" };
  const ends6 = { source: "2001:db8:c::2", destination: "2001:db8:f::10" };
  const refused = `${DROP.unsupportedProtocol}`;
  for (const protocol of [47, 50, 132, 253]) {
    const payload = RESERVED;
    assert.deepEqual(answerTo({ protocol, payload, ...ends }), [refused, `${ICMP4} 3/2 0`]);
    assert.deepEqual(answerTo({ protocol, payload, ...ends6 }), [refused, `${ICMP6} 4/1 6`]);
  }
  assert.deepEqual(
    answerTo({ protocol: 47, payload: RESERVED, ...ends, destination: "10.0.1.1" }),
    [
      refused,
    ],
  );
});

Deno.test("a packet whose hop limit ends here is answered and starts no session; one to nobody is refused instead", () => {
  const bench = new Bench({ config: BOTH });
  const expired = `${DROP.hopLimit}`;
  assert.deepEqual(answerTo({ ...TCP, flags: SYN, hopLimit: 1 }, bench), [
    expired,
    `${ICMP4} 11/0 0`,
  ]);
  assert.deepEqual(answerTo({ ...TCP6, flags: SYN, hopLimit: 1 }, bench), [
    expired,
    `${ICMP6} 3/0 0`,
  ]);
  assert.equal(bench.table.used, 0);
  // The NAT machine is the last stop of what nobody serves (RFC 1812, 5.3.1).
  assert.deepEqual(answerTo({ ...TCP, destination: CLOSED, flags: SYN, hopLimit: 1 }, bench), [
    `${DROP.noService}`,
    `${CLOSED} > ${CLIENT} flags ${RST | ACK} seq 0 ack 2`,
  ]);
  // A response to a client, on its last hop.
  const { source: nat, destination: server } = bench.send({ ...TCP, flags: SYN });
  assert.deepEqual(
    answerTo({ ...TCP, source: server, destination: nat, flags: SYN | ACK, hopLimit: 1 }, bench),
    [expired, `${nat.replace(/:.*/, "")}:0 > ${server.replace(/:.*/, "")}:0 11/0 0`],
  );
});

Deno.test("a datagram too large for the next link is answered with the link's MTU; TCP leaves in smaller segments", () => {
  const udp = config({ services: [service({ protocol: 17 })] });
  const bench = new Bench({ config: udp });
  bench.mtu = 1400;
  const large = new Uint8Array(1400);
  assert.deepEqual(answerTo({ ...TCP, protocol: "udp", payload: large }, bench), [
    `${DROP.tooBig}`,
    `${ICMP4} 3/4 1400`,
  ]);
  const tcp = new Bench();
  const { source: nat, destination: server } = tcp.send({ ...TCP, flags: SYN });
  tcp.mtu = 1400;
  const out = tcp.send({ ...TCP, source: server, destination: nat, payload: large, flags: ACK });
  assert.equal(out.verdict, 1);
  assert.deepEqual([...out.vnetHeader.slice(0, 2)], [1, 1], "to be cut by the kernel");
  assert.equal(new DataView(out.vnetHeader.buffer).getUint16(4, true), 1360);
  assert.ok(verifyL4(out.packet, true));
  assert.deepEqual(tcp.replies, []);
});

Deno.test("a datagram too large for the next link that may be cut leaves in fragments (RFC 4787, REQ-13 a)", () => {
  for (const checksum of ["full", "partial"] as const) {
    const bench = new Bench({ config: config({ services: [service({ protocol: 17 })] }) });
    bench.mtu = 1400;
    const payload = Uint8Array.from({ length: 3000 }, (_, i) => i);
    const ends = { protocol: "udp", payload, dontFragment: false } as const;
    const first = bench.send({ ...ends, source: CLIENT, destination: VIP, checksum });
    assert.equal(first.verdict, 1);
    const { identification } = first.packet;
    const whole = buildPacket({
      ...ends,
      source: first.source,
      destination: first.destination,
      identification,
      hopLimit: 63,
    });
    const sent = [first.bytes, ...bench.replies.map((it) => it.bytes.slice(24))];
    assert.deepEqual(sent, fragmentPacket(whole, 1376, identification));
    assert.deepEqual([...first.vnetHeader], Array(10).fill(0));
  }
});

Deno.test("datagrams that come together count each, and are answered with the MTU when they are too large", () => {
  const bench = new Bench({ config: config({ services: [service({ protocol: 17 })] }) });
  const together = buildPacket({
    ...{ protocol: "udp", source: CLIENT, destination: VIP, checksum: "partial" },
    payload: new Uint8Array(3000),
    dontFragment: false,
  });
  const vnetHeader = Uint8Array.of(
    FLAG_NEEDS_CSUM,
    GSO_UDP_L4,
    42,
    0,
    1200 & 255,
    1200 >> 8,
    34,
    0,
    6,
    0,
  );
  const out = bench.sendBytes(together, vnetHeader);
  assert.equal(out.verdict, 1);
  assert.deepEqual(out.vnetHeader, vnetHeader);
  assert.equal(bench.table.getF64(1, F64.packetsFromClient), 3);
  assert.deepEqual(bench.replies, []);
  bench.mtu = 1200;
  assert.equal(bench.sendBytes(together, vnetHeader).verdict, -DROP.tooBig);
  assert.deepEqual(
    bench.replies.map(({ bytes }) => [bytes[44], bytes[45], bytes[50]! << 8 | bytes[51]!]),
    [[3, 4, 1200]],
  );
  assert.equal(bench.table.getF64(1, F64.packetsFromClient), 3);
});

Deno.test("fragments too large for the next link leave in smaller ones", () => {
  const bench = new Bench({ config: config({ services: [service({ protocol: 17 })] }) });
  bench.mtu = 700;
  const payload = Uint8Array.from({ length: 2500 }, (_, i) => i);
  const ends = { protocol: "udp", payload, dontFragment: false } as const;
  const large = fragmentPacket(buildPacket({ ...ends, source: CLIENT, destination: VIP }), 1360, 5);
  const sent = large.flatMap((fragment) => {
    bench.replies.length = 0;
    const outcome = bench.sendBytes(fragment);
    assert.equal(outcome.verdict, 1);
    return [outcome, ...bench.replies.map((packet) => ({ packet, bytes: packet.bytes.slice(24) }))];
  });
  const { packet } = sent[0]!;
  const whole = buildPacket({
    ...ends,
    source: endpoint(packet, 0),
    destination: endpoint(packet, 4),
    hopLimit: 63,
  });
  assert.deepEqual(
    sent.map(({ bytes }) => bytes),
    fragmentPacket(whole, 680, packet.identification),
  );
});

Deno.test("what must not be answered is not: wrong checksums, later fragments, packets for nobody", () => {
  const silent = (options: FrameOptions) => assert.equal(answerTo(options).length, 1);
  silent({ ...TCP, destination: CLOSED, flags: SYN, checksum: 0x1234 });
  silent({ ...TCP, destination: CLOSED, protocol: "udp", checksum: 0x1234 });
  silent({ ...TCP, destination: "203.0.113.11:80", flags: SYN });
  silent({ protocol: 47, source: "198.51.100.2", destination: "203.0.113.11" });
  silent({ protocol: "icmp", source: "198.51.100.2", destination: "203.0.113.11" });
  const bench = new Bench();
  const gre = { protocol: 47, source: "198.51.100.2", destination: "203.0.113.10" };
  for (
    const fragment of fragmentPacket(buildPacket({ ...gre, payload: RESERVED }), 48, 1).slice(1)
  ) {
    assert.ok(bench.sendBytes(fragment).verdict < 0);
  }
  assert.deepEqual(bench.replies, []);
});

Deno.test("with refuse: drop there are no refusals, but errors that a router owes", () => {
  const quiet = () => new Bench({ config: { ...BOTH, reject: false } });
  const count = (options: FrameOptions) => answerTo(options, quiet()).length - 1;
  assert.equal(count({ ...TCP, destination: CLOSED, flags: SYN }), 0);
  assert.equal(count({ ...TCP, flags: ACK }), 0);
  assert.equal(count({ ...TCP, protocol: "udp" }), 0);
  assert.equal(count({ protocol: 47, source: "198.51.100.2", destination: "203.0.113.10" }), 0);
  assert.equal(count({ ...TCP, flags: SYN, hopLimit: 1 }), 1);
});

Deno.test("an answer is no larger than its question, but for what every error has to quote", () => {
  const smallest = 28 + 28, smallest6 = 48 + 48;
  for (const payloadBytes of [0, 1, 10, 27, 28, 29, 100, 1000]) {
    const payload = new Uint8Array(payloadBytes);
    for (const base of [TCP, TCP6]) {
      for (const hopLimit of [1, 64]) {
        for (const protocol of ["tcp", "udp"] as const) {
          const bench = new Bench({ config: BOTH });
          const question = buildPacket({ ...base, protocol, payload, hopLimit, flags: ACK });
          bench.sendBytes(question);
          for (const reply of bench.replies) {
            const least = reply.protocol === 6 ? 0 : base === TCP ? smallest : smallest6;
            assert.ok(reply.totalBytes <= Math.max(question.length, least));
          }
          assert.equal(bench.replies.length, 1);
        }
      }
    }
  }
});

Deno.test("answers are limited, for each address and for all", () => {
  const bench = new Bench();
  for (let n = 0; n < 10_000; n++) bench.send({ ...TCP, destination: CLOSED, flags: SYN });
  assert.ok(bench.replies.length < 150, `${bench.replies.length}`);
  for (let n = 0; n < 10_000; n++) {
    const source = `198.51.${n >> 8}.${n & 255}:40000`;
    bench.send({ ...TCP, source, destination: CLOSED, flags: SYN });
  }
  assert.ok(bench.replies.length < 700, `${bench.replies.length}`);
  const before = bench.replies.length;
  bench.pass(1000);
  bench.send({ ...TCP, destination: CLOSED, flags: SYN });
  assert.equal(bench.replies.length, before + 1);
});

Deno.test("a VIP answers echo requests, unless that is switched off; a SNAT address never does", () => {
  const echo = { protocol: "icmp", source: "198.51.100.2", destination: "203.0.113.10" } as const;
  const echo6 = { ...echo, source: "2001:db8:c::2", destination: "2001:db8:f::10" } as const;
  const id = 0x12345678;
  const request = { type: 8, code: 0, rest: id }, request6 = { type: 128, code: 0, rest: id };
  const payload = new Uint8Array(1400).fill(3);
  const answered = "0";
  for (const checksum of ["full", "partial"] as const) {
    assert.deepEqual(answerTo({ ...echo6, icmp: request6, payload, checksum }), [
      answered,
      `${ICMP6} 129/0 ${id}`,
    ]);
  }
  const bench = new Bench({ config: BOTH });
  assert.deepEqual(answerTo({ ...echo, icmp: request, payload, hopLimit: 1 }, bench), [
    answered,
    `${ICMP4} 0/0 ${id}`,
  ]);
  assert.deepEqual(bench.replies[0]!.bytes.slice(-1400), payload);
  assert.equal(bench.replies[0]!.hopLimit, 64);
  assert.deepEqual(answerTo({ ...echo, checksum: 0x1234 }), [`${DROP.badChecksum}`]);
  assert.deepEqual(answerTo({ ...echo, destination: "10.0.1.1" }), [`${DROP.unsupportedProtocol}`]);
  const off = new Bench({ config: { ...BOTH, echo: false } });
  assert.deepEqual(answerTo(echo, off), [`${DROP.echo}`]);
});

Deno.test("echo replies, timestamps, redirects and neighbour discovery go nowhere", () => {
  const base = { protocol: "icmp", source: "198.51.100.2", destination: "203.0.113.10" } as const;
  const base6 = { ...base, source: "2001:db8:c::2", destination: "2001:db8:f::10" } as const;
  const ignored = [`${DROP.unsupportedProtocol}`];
  for (const type of [0, 4, 5, 9, 10, 13, 14, 15, 16, 17, 18, 40, 200]) {
    assert.deepEqual(answerTo({ ...base, icmp: { type, code: 0, rest: 0 } }), ignored);
  }
  for (const type of [100, 127, 129, 130, 133, 134, 135, 136, 137, 143, 200]) {
    assert.deepEqual(answerTo({ ...base6, icmp: { type, code: 0, rest: 0 } }), ignored);
  }
});

Deno.test("what cannot be sent is not counted as answered", () => {
  const bench = new Bench();
  bench.unreachable.add("198.51.100.2");
  const echo = { protocol: "icmp", source: "198.51.100.2", destination: "203.0.113.10" } as const;
  assert.deepEqual(answerTo(echo, bench), [`${DROP.echo}`]);
});
