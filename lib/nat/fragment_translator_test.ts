import assert from "node:assert/strict";
import fc from "fast-check";
import { KEPT } from "../datapath/engine.ts";
import { DROP } from "../session/drop_reason.ts";
import { buildPacket, fragmentPacket } from "../wire/build_frame.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { Packet } from "../wire/packet.ts";
import { Bench, config, service } from "./_test_translator.ts";

const CLIENT = "198.51.100.2:40000";
const VIP = "203.0.113.10:80";

function udpBench(): Bench {
  return new Bench({ config: config({ services: [service({ protocol: 17 })] }) });
}

/** A datagram of 4000 bytes with a pattern, in four fragments. */
function fragments(source: string, destination: string, identification = 7): Uint8Array[] {
  const payload = Uint8Array.from({ length: 4000 }, (_, i) => i % 251);
  const whole = buildPacket({ protocol: "udp", source, destination, payload, dontFragment: false });
  return fragmentPacket(whole, 1200, identification);
}

/** What came out, put together again by offset; checks that it is one datagram. */
function reassemble(pieces: readonly Uint8Array[]): Packet {
  const headers = new Set(
    pieces.map((it) => [...it.subarray(4, 6), ...it.subarray(12, 20)].join()),
  );
  assert.equal(headers.size, 1, "one identification, one source, one destination");
  const bytes = new Uint8Array(20 + 4008);
  bytes.set(pieces[0]!.subarray(0, 20));
  let length = 20;
  for (const piece of pieces) {
    const view = new DataView(piece.buffer, piece.byteOffset);
    const offset = (view.getUint16(6) & 0x1fff) * 8;
    bytes.set(piece.subarray(20), 20 + offset);
    length += piece.length - 20;
  }
  const view = new DataView(bytes.buffer);
  view.setUint16(2, length);
  view.setUint16(6, 0);
  view.setUint16(10, 0);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  const packet = new Packet();
  packet.attach(bytes.buffer);
  assert.equal(packet.parse(0, length), 0);
  return packet;
}

Deno.test("fragments in any order come out as one datagram, both ways, each once", () => {
  const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 });
  fc.assert(fc.property(order, order, (there, back) => {
    const bench = udpBench();
    const pass = (parts: readonly Uint8Array[], sequence: readonly number[]) => {
      const out: Uint8Array[] = [];
      for (const i of sequence) {
        const { verdict, bytes } = bench.sendBytes(parts[i]!);
        assert.ok(verdict > 0 || verdict === KEPT, `verdict ${verdict}`);
        if (verdict > 0) out.push(bytes, ...bench.followers.splice(0));
      }
      assert.equal(out.length, 4);
      const packet = reassemble(out);
      assert.ok(verifyL4(packet, false));
      return packet;
    };
    const inbound = pass(fragments(CLIENT, VIP), there);
    assert.equal(inbound.payloadBytes, 4000);
    const [server, nat] = endpointsOf(inbound);
    const outbound = pass(fragments(server, nat), back);
    assert.deepEqual(endpointsOf(outbound), [CLIENT, VIP]);
  }));
});

/** Destination and source. */
function endpointsOf(packet: Packet): [string, string] {
  const text = (at: number, port: number) =>
    [24, 16, 8, 0].map((bits) => (packet.addresses[at + 3]! >>> bits) & 255).join(".") + `:${port}`;
  return [text(4, packet.destinationPort), text(0, packet.sourcePort)];
}

Deno.test("fragments of two clients with one identification stay apart (RFC 6864, 5.3.1)", () => {
  const bench = udpBench();
  const one = fragments(CLIENT, VIP, 0x1234);
  const two = fragments("198.51.100.3:40000", VIP, 0x1234);
  const identifications = [one, two].map((parts) => {
    const out = parts.map((part) => bench.sendBytes(part).bytes);
    return reassemble(out).identification;
  });
  assert.notEqual(identifications[0], identifications[1]);
});

Deno.test("without a first fragment nothing comes out, and what was held is counted as dropped", () => {
  const bench = udpBench();
  for (const part of fragments(CLIENT, VIP).slice(1)) {
    assert.equal(bench.sendBytes(part).verdict, KEPT);
  }
  assert.equal(bench.table.used, 0);
  bench.nowMs += 1_500;
  assert.equal(bench.translator.expire(bench.nowMs, 100), 3);
});

Deno.test("a first fragment that finds no service takes its datagram with it", () => {
  const bench = udpBench();
  const [first, second] = fragments(CLIENT, "203.0.113.10:81");
  assert.equal(-bench.sendBytes(first!).verdict, DROP.noService);
  assert.equal(-bench.sendBytes(second!).verdict, DROP.fragment);
});

Deno.test("overlapping fragments condemn their datagram (RFC 5722)", () => {
  const bench = udpBench();
  const parts = fragments(CLIENT, VIP);
  assert.ok(bench.sendBytes(parts[0]!).verdict > 0);
  const overlapping = parts[1]!.slice();
  const view = new DataView(overlapping.buffer);
  view.setUint16(6, view.getUint16(6) - 1);
  view.setUint16(10, view.getUint16(10) + 1);
  assert.equal(-bench.sendBytes(overlapping).verdict, DROP.fragment);
  assert.equal(-bench.sendBytes(parts[1]!).verdict, DROP.fragment);
});

Deno.test("a large ping to a VIP is answered fragment by fragment, in any order", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
    const bench = udpBench();
    const payload = Uint8Array.from({ length: 3000 }, (_, i) => i % 253);
    const hosts = { source: "198.51.100.2", destination: "203.0.113.10" };
    const whole = buildPacket({ protocol: "icmp", ...hosts, payload, dontFragment: false });
    const parts = fragmentPacket(whole, 1200, 9);
    const out: Uint8Array[] = [];
    for (const i of order) {
      const { verdict, bytes } = bench.sendBytes(parts[i]!);
      out.push(...bench.replies.splice(0).map((it) => it.bytes.slice(24, 24 + it.totalBytes)));
      if (verdict > 0) out.push(bytes);
      out.push(...bench.followers.splice(0));
    }
    assert.equal(out.length, 3);
    for (const piece of out) {
      assert.deepEqual([...piece.subarray(12, 20)], [203, 0, 113, 10, 198, 51, 100, 2]);
    }
    const first = out.find((it) =>
      (new DataView(it.buffer, it.byteOffset).getUint16(6) & 0x1fff) === 0
    )!;
    assert.equal(first[20], 0, "an echo reply");
  }
});

Deno.test("a fragment too large to be held is dropped, and nothing stands in for it", () => {
  const bench = udpBench();
  bench.mtu = 65_535;
  const small = fragments(CLIENT, VIP);
  const whole = buildPacket({
    protocol: "udp",
    source: "198.51.100.3:40000",
    destination: VIP,
    payload: new Uint8Array(30_000),
    dontFragment: false,
  });
  const large = fragmentPacket(whole, 12_000, 8);
  // The slot is used, and given back, before the large fragment gets it.
  assert.equal(bench.sendBytes(small[1]!).verdict, KEPT);
  assert.ok(bench.sendBytes(small[0]!).verdict > 0);
  bench.pass(1);
  bench.followers.length = 0;
  assert.equal(bench.sendBytes(large[1]!).verdict, KEPT);
  assert.ok(bench.sendBytes(large[0]!).verdict > 0);
  assert.deepEqual(bench.followers, []);
  assert.equal(bench.translator.expire(bench.nowMs, 1), 1);
});

Deno.test("a fragment that was kept with its hop limit used up goes no further, and is counted", () => {
  const bench = udpBench();
  const payload = new Uint8Array(2000);
  const ends = { source: CLIENT, destination: VIP, dontFragment: false };
  const parts = (hopLimit: number) =>
    fragmentPacket(buildPacket({ ...ends, protocol: "udp", payload, hopLimit }), 1200, 7);
  assert.equal(bench.sendBytes(parts(1)[1]!).verdict, KEPT);
  assert.ok(bench.sendBytes(parts(64)[0]!).verdict > 0);
  assert.deepEqual(bench.followers, []);
  assert.equal(bench.translator.expire(bench.nowMs, 100), 1);
  assert.equal(bench.translator.expire(bench.nowMs, 100), 0);
});

Deno.test("every part of a large ping's answer has a fresh hop limit", () => {
  for (const order of [[0, 1], [1, 0]]) {
    const bench = udpBench();
    const hosts = { source: "198.51.100.2", destination: "203.0.113.10" };
    const payload = new Uint8Array(2000);
    const whole = buildPacket({
      ...hosts,
      protocol: "icmp",
      payload,
      dontFragment: false,
      hopLimit: 3,
    });
    const parts = fragmentPacket(whole, 1200, 9);
    for (const i of order) {
      const { verdict, bytes } = bench.sendBytes(parts[i]!);
      if (verdict > 0) assert.equal(bytes[8], 64);
    }
    for (const reply of bench.replies) assert.equal(reply.hopLimit, 64);
    for (const bytes of bench.followers) assert.equal(bytes[8], 64);
  }
});
