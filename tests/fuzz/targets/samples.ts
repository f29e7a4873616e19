/** Valid packets and frames that the targets start from. */
import { buildArpAnnouncement, buildArpReply, parseArp } from "../../../lib/wire/arp.ts";
import { IpAddress } from "../../../lib/wire/address.ts";
import { buildPacket, fragmentPacket, type FrameOptions } from "../../../lib/wire/build_frame.ts";
import {
  fragmentHeader,
  HEADER_DESTINATION,
  HEADER_HOP_BY_HOP,
  paddingHeader,
  routingHeader,
} from "../../../lib/wire/ipv6_extension.ts";
import { buildNeighbourAnnouncement } from "../../../lib/wire/neighbour_discovery.ts";
import { mendL4 } from "../support/reference.ts";

const ENDS4 = { source: "198.51.100.2:40000", destination: "203.0.113.10:80" };
const ENDS6 = { source: "[2001:db8:c::2]:40000", destination: "[2001:db8:f::10]:80" };
const HOSTS4 = { source: "192.0.2.1", destination: "203.0.113.10" };
const HOSTS6 = { source: "2001:db8:2::1", destination: "2001:db8:f::10" };
const PAYLOAD = Uint8Array.from({ length: 100 }, (_, i) => i);

function options4(...bytes: number[]): Partial<FrameOptions> {
  return { ipv4Options: Uint8Array.from(bytes) };
}

/** The packet that a server sent to a client: what errors are about. */
function sent(family: 4 | 6, protocol: "tcp" | "udp"): Uint8Array<ArrayBuffer> {
  const { source, destination } = family === 4 ? ENDS4 : ENDS6;
  return buildPacket({ protocol, source: destination, destination: source, payload: PAYLOAD });
}

function error(family: 4 | 6, type: number, code: number, quote: Uint8Array, rest = 0) {
  return buildPacket({
    protocol: "icmp",
    ...(family === 4 ? HOSTS4 : HOSTS6),
    icmp: { type, code, rest },
    payload: quote,
  });
}

export const packets: readonly Uint8Array<ArrayBuffer>[] = [
  buildPacket({ ...ENDS4, protocol: "tcp", flags: 2, tcpOptions: Uint8Array.of(2, 4, 5, 180) }),
  buildPacket({ ...ENDS4, protocol: "tcp", payload: PAYLOAD, dontFragment: false }),
  buildPacket({ ...ENDS4, protocol: "udp", payload: PAYLOAD }),
  buildPacket({ ...ENDS4, protocol: "udp", payload: PAYLOAD, checksum: 0 }),
  buildPacket({ ...ENDS4, protocol: "tcp", ...options4(148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 1) }),
  buildPacket({ ...ENDS4, protocol: "udp", ...options4(131, 7, 4, 10, 0, 0, 1, 0) }),
  buildPacket({ ...HOSTS4, protocol: "icmp", payload: PAYLOAD }),
  buildPacket({ ...HOSTS4, protocol: 47, payload: PAYLOAD }),
  error(4, 3, 4, sent(4, "tcp"), 1280),
  error(4, 3, 3, sent(4, "udp").slice(0, 28)),
  error(4, 11, 0, withExtension(sent(4, "tcp"), 128), 32 << 16),
  buildPacket({ ...ENDS6, protocol: "tcp", flags: 2 }),
  buildPacket({ ...ENDS6, protocol: "udp", payload: PAYLOAD }),
  buildPacket({
    ...ENDS6,
    protocol: "udp",
    extensionHeaders: [paddingHeader(HEADER_HOP_BY_HOP, 16), paddingHeader(HEADER_DESTINATION)],
  }),
  buildPacket({ ...ENDS6, protocol: "tcp", extensionHeaders: [routingHeader(2, 0)] }),
  buildPacket({ ...ENDS6, protocol: "tcp", extensionHeaders: [fragmentHeader(9, 0, false)] }),
  buildPacket({ ...HOSTS6, protocol: "icmp", payload: PAYLOAD }),
  error(6, 2, 0, sent(6, "tcp"), 1280),
  error(6, 1, 4, sent(6, "udp")),
  error(6, 3, 0, withExtension(sent(6, "tcp"), 168), 21 << 24),
  ...fragmentPacket(buildPacket({ ...ENDS4, protocol: "udp", payload: PAYLOAD }), 48, 77),
  ...fragmentPacket(buildPacket({ ...ENDS6, protocol: "tcp", payload: PAYLOAD }), 48, 78),
];

/** RFC 4884: the quote padded to `bytes`, then an extension of an interface's address (RFC 5837). */
function withExtension(quote: Uint8Array, bytes: number): Uint8Array {
  const extended = new Uint8Array(bytes + 12);
  extended.set(quote);
  extended.set([0x20, 0, 0, 0, 0, 8, 2, 8, 10, 0, 0, 11], bytes);
  return extended;
}

const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);

function arpFrames(): Uint8Array<ArrayBuffer>[] {
  const announcement = buildArpAnnouncement(IpAddress.parse("192.0.2.1"), PEER_MAC);
  const request = announcement.slice();
  request.set(IpAddress.parse("203.0.113.10").toBytes(), 14 + 24);
  const arp = parseArp(request.subarray(14));
  return arp.kind === "parsed"
    ? [announcement, request, buildArpReply(arp.header, PEER_MAC)]
    : [announcement, request];
}

function solicitation(): Uint8Array<ArrayBuffer> {
  const target = IpAddress.parse("2001:db8:f::10");
  const payload = new Uint8Array(24);
  payload.set(target.toBytes(), 0);
  payload.set([1, 1, ...PEER_MAC], 16);
  const ip = buildPacket({
    protocol: "icmp",
    source: "2001:db8:2::1",
    destination: "ff02::1:ff00:10",
    hopLimit: 255,
    icmp: { type: 135, code: 0, rest: 0 },
    payload,
  });
  mendL4(ip, false);
  const frame = new Uint8Array(14 + ip.length);
  frame.set([0x33, 0x33, 0xff, 0, 0, 0x10, ...PEER_MAC, 0x86, 0xdd]);
  frame.set(ip, 14);
  return frame;
}

export const neighbourFrames: readonly Uint8Array<ArrayBuffer>[] = [
  ...arpFrames(),
  solicitation(),
  buildNeighbourAnnouncement(IpAddress.parse("2001:db8:f::10"), PEER_MAC),
];
