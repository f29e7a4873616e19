import assert from "node:assert/strict";
import { checkPacketHeap } from "../../tests/support/heap.ts";
import { DROP } from "../session/drop_reason.ts";
import { parseEndpoint } from "../wire/address.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "../wire/build_frame.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { Packet } from "../wire/packet.ts";
import { PROTOCOL_UDP } from "../wire/protocol.ts";
import {
  FLAG_NEEDS_CSUM,
  GSO_TCPV4,
  GSO_UDP_L4,
  gsoSize,
  needsChecksum,
} from "../wire/virtio_net_header.ts";
import { type AgentHops, DirectTranslator } from "./direct_translator.ts";
import { InstructionTable, makeInstructionMemory, SEEN_FIN } from "./instruction_table.ts";

const SYN = 2, ACK = 16, FIN = 1;
const TO_CLIENT = 1, TO_NAT = 2;
const RESPONSE: FrameOptions = {
  protocol: "tcp",
  source: "10.0.0.11:8080",
  destination: "10.0.1.1:1024",
  flags: ACK,
  payload: new Uint8Array(100).fill(7),
};

const IP_OFFSET = 24;

/** An agent with one instruction, which may be used until its lease ends at 1000. */
function setUp(hops: Partial<AgentHops> = {}, pathMtu = 0, protocol = 6) {
  const table = new InstructionTable(makeInstructionMemory(16), [1, 2]);
  table.write(3, {
    protocol,
    match: {
      source: parseEndpoint("10.0.0.11:8080"),
      destination: parseEndpoint("10.0.1.1:1024"),
    },
    rewrite: {
      source: parseEndpoint("203.0.113.10:80"),
      destination: parseEndpoint("198.51.100.2:40000"),
    },
    lease: 0,
    pathMtu,
  });
  table.add(3);
  table.setLease(0, 1000);
  const closing: number[] = [];
  const reopened: number[] = [];
  const resent: number[] = [];
  const translator = new DirectTranslator(table, {
    epoch: 1,
    toClient: () => TO_CLIENT,
    toNat: () => TO_NAT,
    resolved: () => true,
    mtu: () => 1500,
    ...hops,
  }, {
    closing: (slot) => closing.push(slot),
    resent: (slot) => resent.push(slot),
    reopened: (slot) => reopened.push(slot),
  });
  return { table, translator, closing, reopened, resent };
}

function send(
  translator: DirectTranslator,
  bytes: Uint8Array,
  { now = 500, vnetHeader = [] as number[] } = {},
) {
  const slot = new Uint8Array(IP_OFFSET + bytes.length);
  slot.set(vnetHeader);
  slot.set(bytes, IP_OFFSET);
  const packet = new Packet();
  packet.attach(slot.buffer);
  assert.equal(packet.parse(IP_OFFSET, bytes.length), 0);
  const hop = translator.handle(packet, 0, now);
  return { hop, bytes: slot.slice(IP_OFFSET), slot };
}

/** The virtio_net_hdr of a TCP super-packet without options. */
function superPacket(gsoSize: number): number[] {
  return [FLAG_NEEDS_CSUM, GSO_TCPV4, 54, 0, gsoSize & 255, gsoSize >> 8, 34, 0, 16, 0];
}

Deno.test("a response with an instruction leaves for the client, byte for byte as the NAT machine would send it", () => {
  for (const checksum of ["full", "partial"] as const) {
    const { translator, table } = setUp();
    const input = buildPacket({ ...RESPONSE, checksum, hopLimit: 64, identification: 99 });
    const { hop, bytes } = send(translator, input, {
      vnetHeader: checksum === "partial" ? [FLAG_NEEDS_CSUM] : [],
    });
    assert.equal(hop, TO_CLIENT);
    assert.deepEqual(
      bytes,
      buildPacket({
        ...RESPONSE,
        checksum,
        hopLimit: 64,
        identification: 99,
        source: "203.0.113.10:80",
        destination: "198.51.100.2:40000",
      }),
    );
    assert.deepEqual([table.packets(3), table.bytes(3)], [1, input.length]);
  }
});

Deno.test("whatever is not fully understood goes to the NAT machine as it is", () => {
  const cases: [string, Uint8Array][] = [
    ["another NAT endpoint", buildPacket({ ...RESPONSE, destination: "10.0.1.1:1025" })],
    ["another server port", buildPacket({ ...RESPONSE, source: "10.0.0.11:8081" })],
    ["another protocol", buildPacket({ ...RESPONSE, protocol: "udp" })],
    ["ICMP", buildPacket({ protocol: "icmp", source: "10.0.0.11", destination: "10.0.1.1" })],
    ["SYN-ACK", buildPacket({ ...RESPONSE, flags: SYN | ACK })],
    [
      "IP options",
      buildPacket({ ...RESPONSE, ipv4Options: Uint8Array.of(148, 4, 0, 0) }),
    ],
    ...fragmentPacket(buildPacket({ ...RESPONSE, dontFragment: false }), 64, 9)
      .map((bytes): [string, Uint8Array] => ["a fragment", bytes]),
  ];
  for (const [what, input] of cases) {
    const { translator } = setUp();
    const { hop, bytes } = send(translator, input);
    assert.equal(hop, TO_NAT, what);
    assert.deepEqual(bytes, input, what);
    assert.ok(!translator.bypassed);
  }
});

Deno.test("an instruction is used as long as its lease, its next hop and the link allow, and no longer", () => {
  const input = buildPacket(RESPONSE);
  const hopOf = (
    options: Parameters<typeof send>[2],
    hops: Partial<AgentHops> = {},
    remove = false,
  ) => {
    const { translator, table } = setUp(hops);
    if (remove) table.remove(3);
    return send(translator, input, options).hop;
  };
  assert.equal(hopOf({ now: 999 }), TO_CLIENT);
  assert.equal(hopOf({ now: 1000 }), TO_NAT);
  assert.equal(hopOf({}, { resolved: (hop) => hop !== TO_CLIENT }), TO_NAT);
  assert.equal(hopOf({}, { toClient: () => 0 }), TO_NAT);
  assert.equal(hopOf({}, {}, true), TO_NAT);
  assert.equal(hopOf({}, { toNat: () => 0 }, true), -DROP.noRoute);
});

Deno.test("a FIN leaves directly and is told once", () => {
  const { translator, closing, table } = setUp();
  const fin = buildPacket({ ...RESPONSE, flags: FIN | ACK, sequence: 1000 });
  assert.equal(send(translator, fin).hop, TO_CLIENT);
  send(translator, fin);
  assert.deepEqual(closing, [3]);
  assert.equal(table.flags(3), SEEN_FIN);
  assert.equal(table.sequence(3), 1101);
});

Deno.test("deciding and translating a response allocates nothing", () => {
  const { translator } = setUp();
  const direct = buildPacket({ ...RESPONSE, payload: new Uint8Array(1400) });
  const viaNat = buildPacket({ ...RESPONSE, destination: "10.0.1.1:1025" });
  checkPacketHeap([direct, viaNat], (packet) => translator.handle(packet, 0, 500));
});

Deno.test("a SYN from the same endpoint ends the use of an instruction at once", () => {
  const { translator, reopened } = setUp();
  assert.equal(send(translator, buildPacket(RESPONSE)).hop, TO_CLIENT);
  const opening = buildPacket({ ...RESPONSE, flags: SYN | ACK });
  assert.equal(send(translator, opening).hop, TO_NAT);
  assert.equal(send(translator, opening).hop, TO_NAT);
  assert.equal(send(translator, buildPacket(RESPONSE)).hop, TO_NAT);
  assert.deepEqual(reopened, [3]);
});

Deno.test("TCP too large for the link or the path leaves in smaller segments, and nothing else does", () => {
  const payload = new Uint8Array(1460);
  const large = buildPacket({ ...RESPONSE, payload });
  const sizeOf = (
    input: Uint8Array,
    { mtu = 1500, pathMtu = 0, vnetHeader = [] as number[] } = {},
  ) => {
    const { translator } = setUp({ mtu: () => mtu }, pathMtu);
    const { hop, slot } = send(translator, input, { vnetHeader });
    return [hop, gsoSize(new DataView(slot.buffer), 0)];
  };
  assert.deepEqual(sizeOf(large), [TO_CLIENT, 0]);
  assert.deepEqual(sizeOf(large, { mtu: 1400 }), [TO_CLIENT, 1360]);
  assert.deepEqual(sizeOf(large, { pathMtu: 1280 }), [TO_CLIENT, 1240]);
  assert.deepEqual(sizeOf(large, { mtu: 1400, pathMtu: 1450 }), [TO_CLIENT, 1360]);
  const many = buildPacket({ ...RESPONSE, payload: new Uint8Array(20_000), checksum: "partial" });
  assert.deepEqual(sizeOf(many, { vnetHeader: superPacket(1460) }), [TO_CLIENT, 1460]);
  assert.deepEqual(sizeOf(many, { vnetHeader: superPacket(1460), pathMtu: 1280 }), [
    TO_CLIENT,
    1240,
  ]);
  const wrong = buildPacket({ ...RESPONSE, payload, checksum: 0x1234 });
  assert.deepEqual(sizeOf(wrong, { pathMtu: 1280 }), [TO_NAT, 0]);
});

Deno.test("datagrams that come together leave together and count each, unless they are too large for the path", () => {
  const input = buildPacket({
    ...RESPONSE,
    protocol: "udp",
    payload: new Uint8Array(5000),
    checksum: "partial",
  });
  const vnetHeader = [FLAG_NEEDS_CSUM, GSO_UDP_L4, 42, 0, 1200 & 255, 1200 >> 8, 34, 0, 6, 0];
  const { translator, table } = setUp({}, 1228, PROTOCOL_UDP);
  const { hop, slot } = send(translator, input, { vnetHeader });
  assert.deepEqual([hop, gsoSize(new DataView(slot.buffer), 0)], [TO_CLIENT, 1200]);
  assert.deepEqual([table.packets(3), table.bytes(3)], [5, input.length]);
  const narrow = setUp({}, 1227, PROTOCOL_UDP);
  const refused = send(narrow.translator, input, { vnetHeader });
  assert.equal(refused.hop, TO_NAT);
  assert.deepEqual(refused.slot.subarray(0, 10), Uint8Array.from(vnetHeader));
  assert.equal(narrow.table.packets(3), 0);
});

Deno.test("a segment made smaller has a partial checksum, which covers the new addresses", () => {
  const { translator } = setUp({}, 1280);
  const { slot } = send(translator, buildPacket({ ...RESPONSE, payload: new Uint8Array(1460) }));
  const packet = new Packet();
  packet.attach(slot.buffer);
  assert.equal(packet.parse(IP_OFFSET, slot.length - IP_OFFSET), 0);
  assert.ok(needsChecksum(packet.view, 0));
  assert.ok(verifyL4(packet, true));
});

Deno.test("a wrong checksum stays wrong", () => {
  const { translator } = setUp();
  const { bytes } = send(translator, buildPacket({ ...RESPONSE, checksum: 0x1234 }));
  const packet = new Packet();
  packet.attach(bytes.buffer as ArrayBuffer);
  packet.parse(0, bytes.length);
  assert.ok(!verifyL4(packet, false));
});

Deno.test("what is sent again is counted, apart from what goes back once more, and told until it is heard", () => {
  const { translator, table, resent } = setUp();
  const segment = (sequence: number, options: Partial<FrameOptions> = {}) =>
    send(translator, buildPacket({ ...RESPONSE, sequence, ...options }));
  const counts = () => [table.sequence(3), table.resent(3), table.resentAgain(3), resent.length];
  for (const sequence of [1000, 1100, 1200, 1300]) segment(sequence);
  assert.deepEqual(counts(), [1400, 0, 0, 0]);
  segment(1100);
  segment(1200);
  assert.deepEqual(counts(), [1400, 2, 0, 1], "in ascending order: one loss is repaired");
  segment(1400);
  segment(1100);
  assert.deepEqual(counts(), [1500, 3, 1, 1], "what was resent is resent");
  table.hearResent(3);
  segment(1100);
  assert.deepEqual(counts(), [1500, 4, 2, 2]);
  segment(1500, { flags: ACK | FIN, payload: new Uint8Array(0) });
  table.hearResent(3);
  segment(1500, { flags: ACK | FIN, payload: new Uint8Array(0) });
  assert.deepEqual(counts(), [1501, 5, 2, 3], "a FIN is one byte");
});

Deno.test("acknowledgements, keep-alives and resets are never counted as sent again", () => {
  const { translator, table, resent } = setUp();
  const nothing = new Uint8Array(0);
  send(translator, buildPacket({ ...RESPONSE, sequence: 0xffff_ffce }));
  assert.equal(table.sequence(3), 50, "numbers wrap");
  send(translator, buildPacket({ ...RESPONSE, sequence: 50, payload: nothing }));
  send(translator, buildPacket({ ...RESPONSE, sequence: 49, payload: nothing }));
  send(translator, buildPacket({ ...RESPONSE, sequence: 7, flags: 4 | ACK, payload: nothing }));
  assert.deepEqual([table.sequence(3), table.resent(3), resent], [50, 0, []]);
});
