/**
 * Builds packets and translates them in the plainest way: every checksum is summed up from the start. It
 * shares no code with the program that it judges.
 */
import type { IcmpSpec, PacketSpec, QuoteSpec } from "./case.ts";

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ICMPV6 = 58;
const FRAGMENT_HEADER = 44;

/** An endpoint in bytes; port 0 where there is none. */
export interface End {
  readonly address: Uint8Array;
  readonly port: number;
}

export interface Ends {
  readonly source: End;
  readonly destination: End;
}

/** What a packet's description refers to. */
export interface Context {
  /** The ends of a packet, and whether it is TCP or UDP by its flow. */
  endsOf(spec: PacketSpec): Ends & { readonly transport: "tcp" | "udp" | null };
  /** The ends that the packet has on the other side. */
  otherSide(spec: PacketSpec): Ends;
}

/** The bytes of a packet, from its IP header on. */
export function buildPacket(spec: PacketSpec, context: Context): Uint8Array {
  const ends = context.endsOf(spec);
  const family = ends.source.address.length === 4 ? 4 : 6;
  const protocol = protocolOf(spec, ends.transport, family);
  let payload = l4Of(spec, protocol, ends, context);
  let place: Place | null = null;
  if (spec.fragment !== undefined) {
    const { from, bytes, id } = spec.fragment;
    const end = bytes === undefined ? payload.length : from + bytes;
    place = { offset: from, more: spec.fragment.more ?? end < payload.length, id };
    payload = payload.slice(from, end);
  }
  const packet = family === 4
    ? ipv4(spec, ends, protocol, payload, place)
    : ipv6(spec, ends, protocol, payload, place);
  const cut = packet.subarray(0, spec.cut ?? packet.length);
  const padded = new Uint8Array(cut.length + (spec.padding ?? 0)).fill(0xff);
  padded.set(cut);
  return padded;
}

interface Place {
  readonly offset: number;
  readonly more: boolean;
  readonly id: number;
}

function protocolOf(spec: PacketSpec, transport: "tcp" | "udp" | null, family: 4 | 6): number {
  if (spec.icmp !== undefined) return family === 4 ? ICMP : ICMPV6;
  if (spec.protocol !== undefined) return spec.protocol;
  if (transport === null) throw new Error(`Which protocol? ${JSON.stringify(spec)}`);
  return transport === "tcp" ? TCP : UDP;
}

function l4Of(spec: PacketSpec, protocol: number, ends: Ends, context: Context): Uint8Array {
  const payload = payloadOf(spec.payload);
  if (spec.fragmentOffset !== undefined && spec.fragmentOffset > 0) return payload;
  if (spec.icmp !== undefined) return icmp(spec, spec.icmp, ends, context);
  if (spec.protocol !== undefined) return payload;
  const at = protocol === TCP ? 16 : 6;
  const segment = protocol === TCP ? tcp(spec, ends, payload) : udp(spec, ends, payload);
  if (spec.checksum === "zero behind the NAT") {
    const other = context.otherSide(spec);
    const behind = segment.slice();
    put16(behind, 0, other.source.port);
    put16(behind, 2, other.destination.port);
    const last = behind.length - 2;
    put16(behind, last, 0);
    // The checksum is the complement of the sum of everything else: that is what is lacking.
    put16(segment, last, ~pseudoSum(other, protocol, behind) & 0xffff);
  }
  return withChecksum(segment, at, { spec, protocol, ends });
}

function withChecksum(
  segment: Uint8Array,
  at: number,
  { spec, protocol, ends }: { spec: PacketSpec; protocol: number; ends: Ends },
): Uint8Array {
  put16(segment, at, 0);
  const sum = protocol === ICMP ? onesSum(segment) : pseudoSum(ends, protocol, segment);
  let checksum = ~sum & 0xffff;
  if (checksum === 0 && protocol === UDP) checksum = 0xffff;
  if (spec.checksum === "wrong") checksum = checksum === 0 ? 0xfffe : checksum - 1;
  if (spec.checksum === "zero") checksum = 0;
  if (spec.checksum === "partial") checksum = pseudoSum(ends, protocol, segment, segment.length, 0);
  put16(segment, at, checksum);
  return segment;
}

function tcp(spec: PacketSpec, ends: Ends, payload: Uint8Array): Uint8Array {
  const given = hex(spec.tcpOptions ?? "");
  const options = new Uint8Array(Math.ceil(given.length / 4) * 4).fill(1);
  options.set(given);
  const segment = new Uint8Array(20 + options.length + payload.length);
  put16(segment, 0, ends.source.port);
  put16(segment, 2, ends.destination.port);
  const flags = spec.tcp ?? "ACK";
  put32(segment, 4, spec.sequence ?? (flags.includes("SYN") ? 1000 : 1001));
  put32(segment, 8, spec.acknowledgement ?? (flags.includes("ACK") ? 1001 : 0));
  const words = spec.dataOffset ?? (20 + options.length) / 4;
  put16(segment, 12, (words << 12) | tcpFlags(flags));
  put16(segment, 14, spec.window ?? 501);
  put16(segment, 18, spec.urgent ?? 0);
  segment.set(options, 20);
  segment.set(payload, 20 + options.length);
  return segment;
}

const FLAGS: Readonly<Record<string, number>> = {
  NULL: 0,
  FIN: 1,
  SYN: 2,
  RST: 4,
  PSH: 8,
  ACK: 16,
  URG: 32,
  ECE: 64,
  CWR: 128,
  AE: 256,
  R2: 512,
  R1: 1024,
};

export function tcpFlags(text: string): number {
  return text.split(" ").reduce((all, name) => all | FLAGS[name]!, 0);
}

function udp(spec: PacketSpec, ends: Ends, payload: Uint8Array): Uint8Array {
  const segment = new Uint8Array(8 + payload.length);
  put16(segment, 0, ends.source.port);
  put16(segment, 2, ends.destination.port);
  put16(segment, 4, spec.udpLength ?? segment.length);
  segment.set(payload, 8);
  return segment;
}

function icmp(spec: PacketSpec, it: IcmpSpec, ends: Ends, context: Context): Uint8Array {
  const quote = it.quote === undefined ? payloadOf(spec.payload) : quoteOf(it.quote, context);
  const extension = hex(it.extension ?? "");
  const message = new Uint8Array(8 + quote.length + extension.length);
  message[0] = it.type;
  message[1] = it.code ?? 0;
  put32(message, 4, it.mtu ?? it.rest ?? 0);
  const isV4 = ends.source.address.length === 4;
  if (it.length !== undefined) message[isV4 ? 5 : 4] = it.length;
  message.set(quote, 8);
  message.set(extension, 8 + quote.length);
  return withChecksum(message, 2, { spec, protocol: isV4 ? ICMP : ICMPV6, ends });
}

function quoteOf(spec: QuoteSpec, context: Context): Uint8Array {
  const whole = buildPacket(spec, context);
  const quoted = whole.subarray(0, spec.quoted ?? whole.length);
  const padded = new Uint8Array(Math.max(quoted.length, spec.padTo ?? 0));
  padded.set(quoted);
  return padded;
}

function ipv4(
  spec: PacketSpec,
  ends: Ends,
  protocol: number,
  payload: Uint8Array,
  place: Place | null,
): Uint8Array {
  const given = hex(spec.ipOptions ?? "");
  const headerBytes = 20 + Math.ceil(given.length / 4) * 4;
  const packet = new Uint8Array(headerBytes + payload.length);
  packet[0] = ((spec.version ?? 4) << 4) | (spec.headerWords ?? headerBytes / 4);
  packet[1] = spec.trafficClass ?? 0;
  put16(packet, 2, spec.totalLength ?? packet.length);
  put16(packet, 4, place?.id ?? spec.id ?? 0);
  const offset = place?.offset ?? spec.fragmentOffset ?? 0;
  const flags = ipv4Flags(
    spec.flags ?? (place === null && spec.fragmentOffset === undefined ? "DF" : ""),
  );
  put16(packet, 6, flags | (place?.more ? 0x2000 : 0) | (offset >>> 3));
  packet[8] = spec.ttl ?? 64;
  packet[9] = protocol;
  packet.set(ends.source.address, 12);
  packet.set(ends.destination.address, 16);
  packet.set(given, 20);
  const checksum = ~onesSum(packet.subarray(0, headerBytes)) & 0xffff;
  const lie = spec.headerChecksum;
  put16(packet, 10, lie === "wrong" ? checksum ^ 1 : lie ?? checksum);
  packet.set(payload, headerBytes);
  return packet;
}

function ipv4Flags(text: string): number {
  const values: Record<string, number> = { "": 0, RF: 0x8000, DF: 0x4000, MF: 0x2000 };
  return text.split(" ").reduce((all, name) => all | values[name]!, 0);
}

function ipv6(
  spec: PacketSpec,
  ends: Ends,
  protocol: number,
  payload: Uint8Array,
  place: Place | null,
): Uint8Array {
  const headers = (spec.extensions ?? []).map(([type, rest]) => ({ type, bytes: hex(rest) }));
  if (place !== null) {
    const bytes = new Uint8Array(7);
    put16(bytes, 1, place.offset | (place.more ? 1 : 0));
    put32(bytes, 3, place.id);
    headers.push({ type: FRAGMENT_HEADER, bytes });
  }
  const extensionBytes = headers.reduce((sum, { bytes }) => sum + 1 + bytes.length, 0);
  const packet = new Uint8Array(40 + extensionBytes + payload.length);
  const trafficClass = spec.trafficClass ?? 0;
  put32(packet, 0, ((spec.version ?? 6) << 28) | (trafficClass << 20) | (spec.flowLabel ?? 0));
  put16(packet, 4, spec.totalLength ?? packet.length - 40);
  packet[6] = headers[0]?.type ?? protocol;
  packet[7] = spec.ttl ?? 64;
  packet.set(ends.source.address, 8);
  packet.set(ends.destination.address, 24);
  let at = 40;
  headers.forEach(({ bytes }, i) => {
    packet[at] = headers[i + 1]?.type ?? protocol;
    packet.set(bytes, at + 1);
    at += 1 + bytes.length;
  });
  packet.set(payload, at);
  return packet;
}

/**
 * The packet as it has to look on the other side: other endpoints, one hop less where it passes the NAT
 * machine, and the checksums that follow. One that was wrong stays wrong by the same amount.
 */
export function translate(
  packet: Uint8Array,
  to: Ends,
  { hops, partial = false }: { readonly hops: 0 | 1; readonly partial?: boolean },
): Uint8Array {
  const was = look(packet);
  const result = packet.slice(0, was.totalBytes);
  const isV4 = was.family === 4;
  result.set(to.source.address, isV4 ? 12 : 8);
  result.set(to.destination.address, isV4 ? 16 : 24);
  if (isV4) {
    result[8]! -= hops;
    put16(result, 10, 0);
    put16(result, 10, ~onesSum(result.subarray(0, was.headerBytes)) & 0xffff);
  } else result[7]! -= hops;
  if (was.fragmentOffset > 0) return result;
  const at = was.l4Offset;
  put16(result, at, to.source.port);
  put16(result, at + 2, to.destination.port);
  const field = at + (was.protocol === TCP ? 16 : 6);
  const old = get16(packet, field);
  if (was.protocol === UDP && old === 0 && !partial) return result;
  if (partial) {
    put16(result, field, pseudoSum(to, was.protocol, new Uint8Array(0), was.totalBytes - at, 0));
    return result;
  }
  if (was.more) {
    // The sum covers bytes that are elsewhere: it follows from what has changed.
    const oldWords = words(was.ends, packet.subarray(at, at + 4));
    const newWords = words(to, result.subarray(at, at + 4));
    const sum = fold((~old & 0xffff) + (~oldWords & 0xffff) + newWords);
    const checksum = ~sum & 0xffff;
    put16(result, field, checksum === 0 && was.protocol === UDP ? 0xffff : checksum);
    return result;
  }
  const before = packet.slice(at, was.totalBytes);
  const after = result.slice(at);
  put16(before, field - at, 0);
  put16(after, field - at, 0);
  const right = ~pseudoSum(was.ends, was.protocol, before) & 0xffff;
  const rightAfter = ~pseudoSum(to, was.protocol, after) & 0xffff;
  const error = fold(old + (~right & 0xffff));
  const isRight = error === 0xffff || error === 0;
  const checksum = isRight ? rightAfter : fold(rightAfter + error);
  put16(result, field, checksum === 0 && was.protocol === UDP ? 0xffff : checksum);
  return result;
}

/** The headers of a well-formed packet. */
export interface Look {
  readonly family: 4 | 6;
  readonly totalBytes: number;
  readonly headerBytes: number;
  readonly protocol: number;
  readonly l4Offset: number;
  readonly fragmentOffset: number;
  readonly more: boolean;
  readonly id: number;
  readonly ttl: number;
  readonly trafficClass: number;
  readonly ends: Ends;
}

export function look(packet: Uint8Array): Look {
  const family = packet[0]! >>> 4 === 4 ? 4 : 6;
  const isV4 = family === 4;
  const headerBytes = isV4 ? (packet[0]! & 15) * 4 : 40;
  const totalBytes = isV4 ? get16(packet, 2) : 40 + get16(packet, 4);
  let protocol = packet[isV4 ? 9 : 6]!;
  let l4Offset = headerBytes;
  let fragmentOffset = isV4 ? (get16(packet, 6) & 0x1fff) * 8 : 0;
  let more = isV4 && (get16(packet, 6) & 0x2000) !== 0;
  let id = isV4 ? get16(packet, 4) : 0;
  while (
    !isV4 && [0, 43, FRAGMENT_HEADER, 60].includes(protocol) && l4Offset + 8 <= packet.length
  ) {
    const bytes = protocol === FRAGMENT_HEADER ? 8 : (packet[l4Offset + 1]! + 1) * 8;
    if (protocol === FRAGMENT_HEADER) {
      fragmentOffset = get16(packet, l4Offset + 2) & 0xfff8;
      more = (get16(packet, l4Offset + 2) & 1) !== 0;
      id = get32(packet, l4Offset + 4);
    }
    protocol = packet[l4Offset]!;
    l4Offset += bytes;
  }
  const hasPorts = (protocol === TCP || protocol === UDP) && fragmentOffset === 0;
  const end = (address: number, port: number): End => ({
    address: packet.slice(address, address + (isV4 ? 4 : 16)),
    port: hasPorts ? get16(packet, l4Offset + port) : 0,
  });
  return {
    family,
    totalBytes,
    headerBytes,
    protocol,
    l4Offset,
    fragmentOffset,
    more,
    id,
    ttl: packet[isV4 ? 8 : 7]!,
    trafficClass: isV4 ? packet[1]! : ((packet[0]! & 15) << 4) | (packet[1]! >>> 4),
    ends: { source: end(isV4 ? 12 : 8, 0), destination: end(isV4 ? 16 : 24, 2) },
  };
}

/** Whether the checksum above IP is right; null where there is none, or it cannot be told. */
export function isL4Right(packet: Uint8Array): boolean | null {
  const { protocol, l4Offset, totalBytes, fragmentOffset, more, ends } = look(packet);
  if (fragmentOffset > 0 || more) return null;
  const segment = packet.slice(l4Offset, totalBytes);
  if (protocol === ICMP) return onesSum(segment) === 0xffff;
  if (protocol === UDP && get16(segment, 6) === 0) return null;
  if (protocol === TCP || protocol === UDP || protocol === ICMPV6) {
    return pseudoSum(ends, protocol, segment) === 0xffff;
  }
  return null;
}

export function isIpv4HeaderRight(packet: Uint8Array): boolean {
  return onesSum(packet.subarray(0, (packet[0]! & 15) * 4)) === 0xffff;
}

function words(ends: Ends, ports: Uint8Array): number {
  return fold(
    onesSum(ends.source.address) + onesSum(ends.destination.address) + onesSum(ports),
  );
}

/** The sum of the pseudo-header and a segment; `lengthBytes` and `start` for a part of it. */
function pseudoSum(
  ends: Ends,
  protocol: number,
  segment: Uint8Array,
  lengthBytes = segment.length,
  segmentSum = onesSum(segment),
): number {
  return fold(
    onesSum(ends.source.address) + onesSum(ends.destination.address) + protocol + lengthBytes +
      segmentSum,
  );
}

/** RFC 1071: the ones' complement sum of 16-bit words, an odd byte filled up with 0. */
function onesSum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  return fold(total);
}

function fold(total: number): number {
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

export function payloadOf(payload: number | string | undefined): Uint8Array {
  if (typeof payload === "string") return hex(payload);
  return Uint8Array.from({ length: payload ?? 0 }, (_, i) => (i * 167 + 13) & 0xff);
}

function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(" ", ""));
}

export function get16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
export function get32(bytes: Uint8Array, at: number): number {
  return get16(bytes, at) * 65536 + get16(bytes, at + 2);
}
function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, (value >>> 16) & 0xffff);
  put16(bytes, at + 2, value & 0xffff);
}

/** The packet with its IPv4 header's checksum computed anew, and the one above IP too when `l4` says so. */
export function withRightChecksums(packet: Uint8Array, l4: boolean): Uint8Array {
  const result = packet.slice();
  const { family, headerBytes, protocol, l4Offset, ends } = look(result);
  if (family === 4) {
    put16(result, 10, 0);
    put16(result, 10, ~onesSum(result.subarray(0, headerBytes)) & 0xffff);
  }
  if (!l4) return result;
  const at = l4Offset + (protocol === TCP ? 16 : protocol === UDP ? 6 : 2);
  put16(result, at, 0);
  const segment = result.subarray(l4Offset);
  put16(
    result,
    at,
    ~(protocol === ICMP ? onesSum(segment) : pseudoSum(ends, protocol, segment)) & 0xffff,
  );
  return result;
}
