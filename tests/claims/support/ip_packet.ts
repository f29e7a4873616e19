/**
 * IPv4 packets with TCP or UDP, and what a translation makes of them, in the plainest way: every
 * checksum is summed up from the start. It shares no code with the program that it judges.
 */

/** Endpoints as `address:port`. */
export interface Ends {
  readonly source: string;
  readonly destination: string;
}

export interface TcpFields {
  readonly sequence: number;
  readonly acknowledgement: number;
  /** The 12 bits after the data offset: reserved bits and flags. */
  readonly flags: number;
  readonly window?: number;
  readonly urgent?: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: readonly number[];
}

export interface PacketFields extends Ends {
  readonly payload: Uint8Array;
  /** Absent: UDP. */
  readonly tcp?: TcpFields;
  /** DSCP and ECN; default 0. */
  readonly trafficClass?: number;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  /** Default: 64. */
  readonly ttl?: number;
  /** UDP only: leaves the checksum out. */
  readonly noChecksum?: boolean;
}

export interface TranslateOptions {
  /** The checksum field holds the sum of the pseudo-header alone; default: false. */
  readonly partial?: boolean;
  /** Taken from the TTL; default: 0. */
  readonly hops?: number;
  /** Default: the packet's. */
  readonly identification?: number;
}

const IP_HEADER_BYTES = 20;
const TCP = 6;
const UDP = 17;

export function buildPacket(fields: PacketFields): Uint8Array {
  const { tcp, payload, identification = 0, dontFragment = true, ttl = 64 } = fields;
  const options = tcp?.options ?? [];
  const headerBytes = tcp === undefined ? 8 : 20 + options.length;
  const packet = new Uint8Array(IP_HEADER_BYTES + headerBytes + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint8(1, fields.trafficClass ?? 0);
  view.setUint16(2, packet.length);
  view.setUint16(4, identification);
  view.setUint16(6, dontFragment ? 0x4000 : 0);
  view.setUint8(8, ttl);
  view.setUint8(9, tcp === undefined ? UDP : TCP);
  if (tcp === undefined) {
    view.setUint16(24, headerBytes + payload.length);
    // Anything but 0, which would mean that there is to be none.
    view.setUint16(26, fields.noChecksum ? 0 : 1);
  } else {
    view.setUint32(24, tcp.sequence);
    view.setUint32(28, tcp.acknowledgement);
    view.setUint16(32, (headerBytes / 4) << 12 | tcp.flags);
    view.setUint16(34, tcp.window ?? 501);
    view.setUint16(38, tcp.urgent ?? 0);
    packet.set(options, 40);
  }
  packet.set(payload, IP_HEADER_BYTES + headerBytes);
  return translate(packet, fields);
}

/** The packet with other endpoints and the checksums that belong to them; nothing else differs. */
export function translate(
  packet: Uint8Array,
  { source, destination }: Ends,
  options: TranslateOptions = {},
): Uint8Array {
  const { partial = false, hops = 0, identification = identificationOf(packet) } = options;
  const result = packet.slice();
  const view = new DataView(result.buffer);
  const l4 = (view.getUint8(0) & 0xf) * 4;
  for (const [endpoint, address, port] of [[source, 12, l4], [destination, 16, l4 + 2]] as const) {
    const [host = "", number] = endpoint.split(":");
    result.set(host.split(".").map(Number), address);
    view.setUint16(port, Number(number));
  }
  view.setUint16(4, identification);
  view.setUint8(8, view.getUint8(8) - hops);
  view.setUint16(10, 0);
  view.setUint16(10, ~sum(result.subarray(0, l4)) & 0xffff);

  const isTcp = view.getUint8(9) === TCP;
  const at = l4 + (isTcp ? 16 : 6);
  if (!isTcp && view.getUint16(at) === 0 && !partial) return result;
  view.setUint16(at, 0);
  const pseudo = sum(result.subarray(12, 20)) + view.getUint8(9) + (result.length - l4);
  const checksum = partial ? fold(pseudo) : ~fold(pseudo + sum(result.subarray(l4))) & 0xffff;
  // RFC 768: a UDP checksum that comes out as 0 is sent as 0xffff.
  view.setUint16(at, checksum === 0 && !isTcp ? 0xffff : checksum);
  return result;
}

export function identificationOf(packet: Uint8Array): number {
  return packet[4]! << 8 | packet[5]!;
}

export function dontFragment(packet: Uint8Array): boolean {
  return (packet[6]! & 0x40) !== 0;
}

/** Where the checksum of TCP or UDP is. */
function checksumOffset(packet: Uint8Array): number {
  return (packet[0]! & 0xf) * 4 + (packet[9] === TCP ? 16 : 6);
}

/** RFC 1071: the ones' complement sum of 16-bit words, an odd byte filled up with 0. */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  return fold(total);
}

function fold(total: number): number {
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

/**
 * Changes the packet's last two bytes so that its checksum, once translated, comes out as 0.
 * The payload must begin at an even offset and have an even length.
 */
export function withZeroChecksumAfter(packet: Uint8Array, ends: Ends): Uint8Array {
  const at = checksumOffset(packet);
  const result = packet.slice();
  const view = new DataView(result.buffer);
  view.setUint16(result.length - 2, 0);
  const translated = translate(result, ends);
  // The checksum is the complement of the sum of everything else: that is what is lacking.
  view.setUint16(result.length - 2, new DataView(translated.buffer).getUint16(at));
  return translate(result, endsOf(result));
}

export function endsOf(packet: Uint8Array): Ends {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const l4 = (view.getUint8(0) & 0xf) * 4;
  const end = (address: number, port: number) =>
    `${packet.subarray(address, address + 4).join(".")}:${view.getUint16(port)}`;
  return { source: end(12, l4), destination: end(16, l4 + 2) };
}
