import { buildFrame, buildPacket, fragmentPacket } from "../../lib/wire/build_frame.ts";
import { finish, sum16 } from "../../lib/wire/checksum.ts";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from "../../lib/wire/tcp_flags.ts";

/** A frame that no machine should send, and what is wrong with it. */
export interface MalformedFrame {
  readonly kind: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface MalformedFrameOptions {
  /** The MAC addresses of the receiver's interface and of the sender's. */
  readonly destinationMac: string;
  readonly sourceMac: string;
  /** `198.51.100.2:40000`: has to have no session. */
  readonly client: string;
  /** `203.0.113.10:80` */
  readonly vip: string;
}

const ETHERNET_BYTES = 14;
/** Offsets in an IPv4 header. */
const IP = { versionAndLength: 0, totalLength: 2, checksum: 10, source: 12 } as const;
const IPV4_HEADER_BYTES = 20;
/** Offset of the data offset in a TCP header, and of the length in a UDP header. */
const TCP_DATA_OFFSET = 12;
const UDP_LENGTH = 4;

/** One frame of every malformed kind, addressed to a service so that no filter passes over it. */
export function malformedFrames(options: MalformedFrameOptions): MalformedFrame[] {
  const { client, vip, destinationMac, sourceMac } = options;
  const ends = { source: client, destination: vip, destinationMac, sourceMac };
  const syn = () => buildFrame({ ...ends, protocol: "tcp", flags: TCP_SYN });
  const udp = () => buildFrame({ ...ends, protocol: "udp", payload: new Uint8Array(20) });
  const from = (address: string) =>
    buildFrame({ ...ends, protocol: "tcp", flags: TCP_SYN, source: `${address}:40000` });
  const withFlags = (flags: number) => buildFrame({ ...ends, protocol: "tcp", flags });
  const withIpOptions = (...bytes: number[]) =>
    buildFrame({ ...ends, protocol: "tcp", flags: TCP_SYN, ipv4Options: Uint8Array.from(bytes) });
  const hosts = { source: hostOf(client), destination: hostOf(vip), destinationMac, sourceMac };

  return [
    { kind: "cut inside the IPv4 header", bytes: syn().slice(0, ETHERNET_BYTES + 19) },
    { kind: "IP version 5", bytes: changed(syn(), (ip) => ip.setUint8(IP.versionAndLength, 0x55)) },
    {
      kind: "IPv4 header length 16",
      bytes: changed(syn(), (ip) => ip.setUint8(IP.versionAndLength, 0x44)),
    },
    { kind: "total length 10", bytes: changed(syn(), (ip) => ip.setUint16(IP.totalLength, 10)) },
    {
      kind: "total length larger than the packet",
      bytes: changed(syn(), (ip) => ip.setUint16(IP.totalLength, 1400)),
    },
    {
      kind: "wrong IPv4 header checksum",
      bytes: changed(
        syn(),
        (ip) => ip.setUint16(IP.checksum, ip.getUint16(IP.checksum) ^ 1),
        false,
      ),
    },
    { kind: "IPv4 option of length 0", bytes: withIpOptions(7, 0, 0, 0) },
    { kind: "loose source route", bytes: withIpOptions(131, 7, 4, 10, 0, 0, 11, 0) },
    {
      kind: "fragment that hides the TCP header",
      bytes: fragment(ends, { payloadBytes: 0, part: 8 }),
    },
    { kind: "second fragment inside the TCP header", bytes: secondFragment(ends) },
    { kind: "cut inside the TCP header", bytes: cutTo(syn(), IPV4_HEADER_BYTES + 12) },
    {
      kind: "TCP data offset 16",
      bytes: changed(syn(), (ip) => ip.setUint8(IPV4_HEADER_BYTES + TCP_DATA_OFFSET, 0x40)),
    },
    {
      kind: "TCP data offset beyond the packet",
      bytes: changed(syn(), (ip) => ip.setUint8(IPV4_HEADER_BYTES + TCP_DATA_OFFSET, 0xf0)),
    },
    { kind: "TCP without flags", bytes: withFlags(0) },
    { kind: "TCP with SYN and FIN", bytes: withFlags(TCP_SYN | TCP_FIN) },
    { kind: "TCP with SYN and RST", bytes: withFlags(TCP_SYN | TCP_RST) },
    { kind: "cut inside the UDP header", bytes: cutTo(udp(), IPV4_HEADER_BYTES + 6) },
    {
      kind: "UDP length 4",
      bytes: changed(udp(), (ip) => ip.setUint16(IPV4_HEADER_BYTES + UDP_LENGTH, 4)),
    },
    {
      kind: "UDP length beyond the packet",
      bytes: changed(udp(), (ip) => ip.setUint16(IPV4_HEADER_BYTES + UDP_LENGTH, 1000)),
    },
    {
      kind: "source port 0",
      bytes: buildFrame({ ...ends, protocol: "tcp", flags: TCP_SYN, source: `${hosts.source}:0` }),
    },
    { kind: "source 127.0.0.1", bytes: from("127.0.0.1") },
    { kind: "source 0.0.0.0", bytes: from("0.0.0.0") },
    { kind: "source 224.0.0.1", bytes: from("224.0.0.1") },
    { kind: "source 255.255.255.255", bytes: from("255.255.255.255") },
    { kind: "source and destination the same", bytes: from(hosts.destination) },
    {
      kind: "TTL 0",
      bytes: buildFrame({ ...ends, protocol: "tcp", flags: TCP_SYN, hopLimit: 0 }),
    },
    {
      kind: "ICMP of 4 bytes",
      bytes: buildFrame({ ...hosts, protocol: 1, payload: new Uint8Array(4) }),
    },
    {
      kind: "protocol 47",
      bytes: buildFrame({ ...hosts, protocol: 47, payload: new Uint8Array(20) }),
    },
    {
      kind: "SYN with a wrong TCP checksum",
      bytes: buildFrame({ ...ends, protocol: "tcp", flags: TCP_SYN, checksum: 0x1234 }),
    },
    { kind: "ACK that belongs to no session", bytes: withFlags(TCP_ACK) },
  ];
}

function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":"));
}

/** The frame with its IPv4 packet changed, and the header checksum made right again unless told not to. */
function changed(
  frame: Uint8Array<ArrayBuffer>,
  change: (ip: DataView<ArrayBuffer>) => void,
  mend = true,
): Uint8Array<ArrayBuffer> {
  const ip = new DataView(frame.buffer, ETHERNET_BYTES);
  change(ip);
  if (mend) {
    ip.setUint16(IP.checksum, 0);
    ip.setUint16(IP.checksum, finish(sum16(ip, 0, IPV4_HEADER_BYTES)));
  }
  return frame;
}

/** The frame cut short, with a total length that says so. */
function cutTo(frame: Uint8Array<ArrayBuffer>, packetBytes: number): Uint8Array<ArrayBuffer> {
  const cut = frame.slice(0, ETHERNET_BYTES + packetBytes);
  return changed(cut, (ip) => ip.setUint16(IP.totalLength, packetBytes));
}

interface Ends {
  readonly source: string;
  readonly destination: string;
  readonly destinationMac: string;
  readonly sourceMac: string;
}

/** The first fragment of a TCP packet, cut after `part` bytes of it. */
function fragment(
  ends: Ends,
  { payloadBytes, part, index = 0 }: { payloadBytes: number; part: number; index?: number },
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(payloadBytes);
  const packet = buildPacket({ ...ends, protocol: "tcp", payload, dontFragment: false });
  const cut = fragmentPacket(packet, part, 1)[index] as Uint8Array;
  const frame = buildFrame({ ...ends, protocol: "tcp" });
  const bytes = new Uint8Array(ETHERNET_BYTES + cut.length);
  bytes.set(frame.subarray(0, ETHERNET_BYTES));
  bytes.set(cut, ETHERNET_BYTES);
  return bytes;
}

/** RFC 3128: at offset 8 it would overwrite the flags of a header that was let pass. */
function secondFragment(ends: Ends): Uint8Array<ArrayBuffer> {
  return fragment(ends, { payloadBytes: 64, part: 8, index: 1 });
}
