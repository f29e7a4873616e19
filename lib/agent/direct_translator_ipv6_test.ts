/** The agent's decision about responses over IPv6. */
import assert from "node:assert/strict";
import { checkPacketHeap } from "../../tests/support/heap.ts";
import { RouteCache } from "../datapath/route_cache.ts";
import { parseEndpoint } from "../wire/address.ts";
import { buildPacket, type FrameOptions } from "../wire/build_frame.ts";
import {
  fragmentHeader,
  HEADER_DESTINATION,
  HEADER_HOP_BY_HOP,
  paddingHeader,
  routingHeader,
} from "../wire/ipv6_extension.ts";
import { Packet } from "../wire/packet.ts";
import { FLAG_NEEDS_CSUM, GSO_TCPV6, gsoSize } from "../wire/virtio_net_header.ts";
import { DirectTranslator } from "./direct_translator.ts";
import { InstructionTable, makeInstructionMemory } from "./instruction_table.ts";

const TO_CLIENT = 1, TO_NAT = 2, TO_CLIENT6 = 3, TO_NAT6 = 4;
const IP_OFFSET = 24;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;

const RESPONSE6: FrameOptions = {
  protocol: "tcp",
  source: "[2001:db8:10::11]:8080",
  destination: "[2001:db8:1::1]:1024",
  payload: new Uint8Array(100).fill(7),
  flowLabel: 0x12345,
  trafficClass: 0x2e,
};
const TRANSLATED6 = { source: "[2001:db8:f::10]:80", destination: "[2001:db8:c::2]:40000" };

/** An agent with an instruction for TCP and for UDP in each family, ports alike. */
function setUp(toNat?: (words: Int32Array, at: number) => number) {
  const table = new InstructionTable(makeInstructionMemory(16), [1, 2]);
  let slot = 0;
  for (const protocol of Object.values(PROTOCOLS)) {
    for (
      const [source, destination, vip, client] of [
        ["10.0.0.11:8080", "10.0.1.1:1024", "203.0.113.10:80", "198.51.100.2:40000"],
        [RESPONSE6.source, RESPONSE6.destination, TRANSLATED6.source, TRANSLATED6.destination],
      ] as const
    ) {
      const match = { source: parseEndpoint(source), destination: parseEndpoint(destination) };
      const rewrite = { source: parseEndpoint(vip), destination: parseEndpoint(client) };
      table.write(++slot, { protocol, match, rewrite, lease: 0, pathMtu: 0 });
      table.add(slot);
    }
  }
  table.setLease(0, 1000);
  const isIpv4 = (words: Int32Array, at: number) => words[at + 2] === 0xffff && words[at] === 0;
  const translator = new DirectTranslator(table, {
    epoch: 1,
    toClient: (words, at) => isIpv4(words, at) ? TO_CLIENT : TO_CLIENT6,
    toNat: toNat ?? ((words, at) => isIpv4(words, at) ? TO_NAT : TO_NAT6),
    resolved: () => true,
    mtu: () => 1500,
  }, { closing: () => {}, resent: () => {}, reopened: () => {} });
  return translator;
}

function send(translator: DirectTranslator, bytes: Uint8Array, vnetHeader: number[] = []) {
  const slot = new Uint8Array(IP_OFFSET + bytes.length);
  slot.set(vnetHeader);
  slot.set(bytes, IP_OFFSET);
  const packet = new Packet();
  packet.attach(slot.buffer);
  assert.equal(packet.parse(IP_OFFSET, bytes.length), 0);
  return { hop: translator.handle(packet, 0, 500), bytes: slot.slice(IP_OFFSET), slot };
}

for (const protocol of ["tcp", "udp"] as const) {
  Deno.test(`a ${protocol.toUpperCase()} response over IPv6 leaves for the client, and nothing else in it changes`, () => {
    for (const checksum of ["full", "partial"] as const) {
      const response = { ...RESPONSE6, protocol, checksum };
      const header = checksum === "partial" ? [FLAG_NEEDS_CSUM] : [];
      const { hop, bytes } = send(setUp(), buildPacket(response), header);
      assert.equal(hop, TO_CLIENT6);
      assert.deepEqual(bytes, buildPacket({ ...response, ...TRANSLATED6 }));
    }
  });
}

Deno.test("instructions of both families are followed by one agent, each for its own packets", () => {
  const translator = setUp();
  const four = { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" };
  for (const protocol of ["tcp", "udp"] as const) {
    assert.equal(send(translator, buildPacket({ protocol, ...four })).hop, TO_CLIENT);
    assert.equal(send(translator, buildPacket({ ...RESPONSE6, protocol })).hop, TO_CLIENT6);
  }
  // ::a00:b and ::a00:101 end like the IPv4 addresses.
  const alike = { source: "[2001:db8::a00:b]:8080", destination: "[2001:db8::a00:101]:1024" };
  assert.equal(send(translator, buildPacket({ protocol: "tcp", ...alike })).hop, TO_NAT6);
});

Deno.test("deciding about an IPv6 packet, and finding its way, allocates nothing", () => {
  const routes = new RouteCache(1000);
  const nat = parseEndpoint(RESPONSE6.destination).address.words;
  routes.set(nat, 0, TO_NAT6);
  const translator = setUp((words, at) => routes.get(words, at));
  const payload = new Uint8Array(1400);
  const direct = buildPacket({ ...RESPONSE6, payload });
  const viaNat = buildPacket({ ...RESPONSE6, destination: "[2001:db8:1::1]:1025" });
  checkPacketHeap([direct, viaNat], (packet) => translator.handle(packet, 0, 500));
});

Deno.test("what has extension headers goes to the NAT machine as it is", () => {
  for (
    const extensionHeaders of [
      [paddingHeader(HEADER_HOP_BY_HOP)],
      [paddingHeader(HEADER_DESTINATION)],
      [routingHeader(4, 0)],
      [fragmentHeader(9, 0, false)],
      [fragmentHeader(9, 0, true)],
    ]
  ) {
    const payload = new Uint8Array(96);
    const response = buildPacket({ ...RESPONSE6, protocol: "udp", payload, extensionHeaders });
    const { hop, bytes } = send(setUp(), response);
    assert.equal(hop, TO_NAT6);
    assert.deepEqual(bytes, response);
  }
});

Deno.test("a super-packet over IPv6 stays one, for the kernel to cut", () => {
  const payload = new Uint8Array(14_280).fill(1);
  const response = buildPacket({ ...RESPONSE6, payload, checksum: "partial" });
  const header = [FLAG_NEEDS_CSUM, GSO_TCPV6, 74, 0, 1428 & 255, 1428 >> 8, 54, 0, 16, 0];
  const { hop, slot } = send(setUp(), response, header);
  assert.equal(hop, TO_CLIENT6);
  assert.deepEqual([...slot.subarray(0, 10)], header);
  assert.equal(gsoSize(new DataView(slot.buffer), 0), 1428);
});
