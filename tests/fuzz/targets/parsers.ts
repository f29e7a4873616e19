import assert from "node:assert/strict";
import { reactTo } from "../../../lib/datapath/neighbour_reaction.ts";
import { IpAddress } from "../../../lib/wire/address.ts";
import { emitArp, parseArp } from "../../../lib/wire/arp.ts";

import { emitEthernet, parseEthernet } from "../../../lib/wire/ethernet.ts";
import { isEchoRequest, turnEcho } from "../../../lib/wire/icmp_echo.ts";
import { buildIcmpError, mayAnswerWithError } from "../../../lib/wire/icmp_error.ts";
import { isError, parseQuote } from "../../../lib/wire/icmp_quote.ts";
import { parseIcmpHeader } from "../../../lib/wire/icmp.ts";
import { emitIpv4Header, parseIpv4Header } from "../../../lib/wire/ipv4.ts";
import { emitIpv6Header, parseIpv6Header } from "../../../lib/wire/ipv6.ts";
import { verifyL4 } from "../../../lib/wire/l4_checksum.ts";
import type { Malformed, Parsed } from "../../../lib/wire/malformed.ts";
import {
  parseNeighbourAdvertisement,
  parseNeighbourSolicitation,
} from "../../../lib/wire/neighbour_discovery.ts";
import { Packet } from "../../../lib/wire/packet.ts";
import { PARSED, REASON_COUNT, reasonName, UNKNOWN_PROTOCOL } from "../../../lib/wire/reason.ts";
import { rewrite } from "../../../lib/wire/rewrite.ts";

import { buildTcpReset } from "../../../lib/wire/tcp_reset.ts";
import { emitTcpHeader, parseTcpHeader } from "../../../lib/wire/tcp.ts";
import { emitUdpHeader, parseUdpHeader } from "../../../lib/wire/udp.ts";
import { check } from "../../../lib/wire/virtio_net_header.ts";
import { bytesTarget } from "../support/bytes_target.ts";
import type { FuzzTarget } from "../support/fuzz.ts";
import type { Random } from "../support/random.ts";
import { l4Checksum, layoutOf, mendIp, mendL4, mendLength } from "../support/reference.ts";
import { neighbourFrames, packets } from "./samples.ts";

function mendPacket(bytes: Uint8Array, random: Random): void {
  if (random.chance(0.5)) mendLength(bytes);
  if (random.chance(0.5)) mendL4(bytes, false);
  mendIp(bytes);
}

function outcome(result: Malformed | Parsed<unknown>): string {
  return result.kind === "parsed" ? "parsed" : reasonName(result.why);
}

const packet = new Packet();

/** `Packet.parse`: a reason or fields that lie inside the packet; the bytes behind it do not matter. */
const parse = bytesTarget({
  name: "packets",
  cases: 100,
  samples: packets,
  mend: mendPacket,
  run: (input, random) => {
    packet.attach(input.buffer);
    const reason = packet.parse(input.byteOffset, input.length);
    assert.ok(Number.isInteger(reason) && reason >= 0 && reason < REASON_COUNT);
    if (reason !== PARSED) return reasonName(reason);
    const { ipOffset, ipHeaderBytes, totalBytes, l4Offset, l4Bytes, payloadBytes } = packet;
    assert.equal(ipOffset + ipHeaderBytes, l4Offset);
    assert.equal(l4Offset + l4Bytes, ipOffset + totalBytes);
    assert.ok(totalBytes <= input.length && payloadBytes >= 0 && payloadBytes <= l4Bytes);
    const layout = layoutOf(input)!;
    assert.equal(packet.protocol, layout.protocol);
    assert.equal(l4Offset, input.byteOffset + layout.l4);
    assert.equal(packet.fragmentOffsetBytes, layout.fragmentOffset);
    const right = l4Checksum(input, layout, false);
    if (right >= 0) assert.equal(verifyL4(packet, false), right === 1);
    const header = random.bytes(10);
    const vnet = new DataView(header.buffer);
    const fits = check(vnet, 0, input.length + random.pick([0, 14]), packet) === PARSED;
    return `${fits ? "vnet" : "parsed"} ${packet.family}/${packet.protocol}`;
  },
});

/** There and back: what `rewrite` changes, `rewrite` changes back. */
const rewriting = bytesTarget({
  name: "rewriting",
  cases: 50,
  samples: packets,
  mend: mendPacket,
  run: (input, random) => {
    packet.attach(input.buffer);
    if (packet.parse(input.byteOffset, input.length) !== PARSED) return "not parsed";
    const before = input.slice();
    const { addresses, sourcePort, destinationPort, family, l4Offset } = packet;
    const was = Int32Array.from(addresses);
    const to = Int32Array.from({ length: 8 }, () => random.word());
    if (family === 4) to.set([0, 0, 0xffff]), to.set([0, 0, 0xffff], 4);
    const right = l4Checksum(input, layoutOf(input)!, false);
    rewrite(packet, to, random.below(65536), random.below(65536), false);
    assert.equal(l4Checksum(input, layoutOf(input)!, false), right, "the checksum's truth changed");
    const again = new Packet();
    again.attach(input.buffer);
    again.parse(input.byteOffset, input.length);
    // The new addresses may be ones that no packet can have; their fields are what counts here.
    again.addresses.set(to);
    Object.assign(again, { family, l4Offset, protocol: packet.protocol });
    if (packet.fragmentOffsetBytes === 0 && sourcePort !== 0) {
      again.sourcePort = again.view.getUint16(l4Offset);
      again.destinationPort = again.view.getUint16(l4Offset + 2);
    }
    again.fragmentOffsetBytes = packet.fragmentOffsetBytes;
    rewrite(again, was, sourcePort, destinationPort, false);
    assert.equal(l4Checksum(input, layoutOf(input)!, false), right);
    for (let i = 0; i < input.length; i++) {
      const difference = before[i] !== input[i];
      // 0 and 0xffff are the same sum: a checksum may come back as the other one.
      if (difference) assert.ok(isChecksumByte(i, input), `byte ${i} did not come back`);
    }
    return `${family}/${packet.protocol} ${right}`;
  },
  writes: true,
});

function isChecksumByte(at: number, input: Uint8Array): boolean {
  const layout = layoutOf(input)!;
  const l4 = layout.l4;
  return (layout.family === 4 && (at === 10 || at === 11)) ||
    [2, 3, 6, 7, 16, 17].includes(at - l4);
}

/** Headers away from the packet path: read, and written back as they were. */
const headers = bytesTarget({
  name: "headers",
  cases: 40,
  samples: [...packets, ...packets.map((bytes) => bytes.slice((bytes[0]! >> 4) === 4 ? 20 : 40))],
  mend: (bytes) => mendIp(bytes),
  run: (input) => {
    const ip4 = parseIpv4Header(input);
    if (ip4.kind === "parsed") {
      const written = new Uint8Array(60 + ip4.payload.length);
      const length = emitIpv4Header(ip4.header, written) + ip4.payload.length;
      assert.deepEqual(headerOf(parseIpv4Header(written.subarray(0, length))), ip4.header);
    }
    const ip6 = parseIpv6Header(input);
    if (ip6.kind === "parsed") emitIpv6Header(ip6.header, new Uint8Array(40));
    const tcp = parseTcpHeader(input);
    if (tcp.kind === "parsed") {
      const written = new Uint8Array(60);
      const length = emitTcpHeader(tcp.header, written);
      assert.deepEqual(written.subarray(0, 12), input.slice(0, 12));
      assert.equal(length + tcp.payload.length, input.length);
    }
    const udp = parseUdpHeader(input);
    if (udp.kind === "parsed") emitUdpHeader(udp.header, new Uint8Array(8));
    const icmp = parseIcmpHeader(input);
    return [ip4, ip6, tcp, udp, icmp].map(outcome).join(" ");
  },
});

function headerOf<Header>(result: Malformed | Parsed<Header>): Header | null {
  return result.kind === "parsed" ? result.header : null;
}

/** Errors and their quotes, and everything that is built in answer to a packet. */
const quotes = bytesTarget({
  name: "quotes and answers",
  cases: 80,
  samples: packets,
  mend: mendPacket,
  run: (input, random) => {
    packet.attach(input.buffer);
    const reason = packet.parse(input.byteOffset, input.length);
    if (reason !== PARSED && reason !== UNKNOWN_PROTOCOL) return "not parsed";
    let signal = "no error";
    if (reason === PARSED && isError(packet)) {
      const quote = parseQuote(packet);
      signal = typeof quote === "number" ? reasonName(quote) : `quotes ${quote.protocol}`;
      if (typeof quote !== "number") {
        assert.ok(quote.l4Offset + 8 <= quote.endOffset);
        assert.ok(quote.endOffset <= packet.l4Offset + packet.l4Bytes);
      }
    }
    if (mayAnswerWithError(packet)) {
      const source = IpAddress.fromWords(...[...packet.addresses.subarray(4)] as Words);
      const largestBytes = random.pick([0, 68, packet.totalBytes, 5000]);
      assertRight(buildIcmpError(packet, { type: 3, code: 1, source, largestBytes }), "error");
    }
    if (packet.protocol === 6 && !packet.isFragment && reason === PARSED) {
      const reset = buildTcpReset(packet);
      if (reset !== null) assertRight(reset, "reset");
    }
    if (isEchoRequest(packet) && reason === PARSED) {
      const right = l4Checksum(input, layoutOf(input)!, false);
      turnEcho(packet, false);
      assert.equal(l4Checksum(input, layoutOf(input)!, false), right);
      signal += " echo";
    }
    return signal;
  },
  writes: true,
});

type Words = [number, number, number, number];

function assertRight(bytes: Uint8Array, what: string): void {
  const made = new Packet();
  made.attach(bytes.slice().buffer);
  assert.equal(made.parse(0, bytes.length), PARSED, `the ${what} does not parse`);
  assert.equal(l4Checksum(bytes, layoutOf(bytes)!, false), 1, `the ${what}'s checksum is wrong`);
}

const OWN_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OWN = ["203.0.113.10", "2001:db8:f::10"].map((text) => IpAddress.parse(text));

/** ARP and neighbour discovery: an answer, if any, is about an address of ours and has our MAC. */
const neighbours = bytesTarget({
  name: "neighbour discovery and ARP",
  cases: 40,
  samples: neighbourFrames,
  mend: (frame) => mendL4(frame.subarray(14), false),
  run: (input) => {
    const claim = {
      mac: OWN_MAC,
      owns: (address: IpAddress) => OWN.some((own) => own.equals(address)),
      isOwnMac: (mac: Uint8Array) => mac.every((byte, i) => byte === OWN_MAC[i]),
    };
    const { answer, conflict } = reactTo(input, claim);
    if (conflict !== null) assert.ok(claim.owns(conflict.address));
    if (answer !== null) {
      const ethernet = parseEthernet(answer);
      assert.ok(ethernet.kind === "parsed" && claim.isOwnMac(ethernet.header.source));
      emitEthernet(ethernet.header, new Uint8Array(14));
    }
    const arp = parseArp(input.subarray(14));
    if (arp.kind === "parsed") emitArp(arp.header, new Uint8Array(28));
    const kinds = [parseNeighbourSolicitation, parseNeighbourAdvertisement]
      .map((read) => outcome(read(input.subarray(14))));
    return `${answer ? "answer" : ""}${conflict ? " conflict" : ""} ${outcome(arp)} ${kinds}`;
  },
});

export const parserTargets: readonly FuzzTarget[] = [parse, rewriting, headers, quotes, neighbours];
