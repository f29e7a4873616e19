import { buildPacket, type Ends, type PacketFields, withZeroChecksumAfter } from "./ip_packet.ts";

/** TCP packets of one session that differ in everything a translation leaves alone. */
export function tcpPackets(from: Ends, to: Ends): Uint8Array[] {
  // Far from the client's window: it answers, and goes on.
  const tcp = { sequence: 0x9abcdef0, acknowledgement: 0x12345678, flags: 0x010 };
  const fields: PacketFields = { ...from, tcp, payload: bytes(100), identification: 0x1234 };
  const timestamps = [1, 1, 8, 10, 0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3];
  const selectiveAcks = [1, 1, 5, 18, ...bytes(16)];
  const unknown = [253, 8, ...bytes(6)];
  return [
    buildPacket(fields),
    buildPacket({ ...fields, payload: bytes(0) }),
    buildPacket({ ...fields, payload: bytes(1) }),
    buildPacket({ ...fields, payload: bytes(1459) }),
    buildPacket({ ...fields, payload: bytes(1460) }),
    buildPacket({ ...fields, trafficClass: 46 << 2 }),
    buildPacket({ ...fields, trafficClass: 0xff }),
    buildPacket({ ...fields, identification: 0xffff, dontFragment: false }),
    buildPacket({ ...fields, ttl: 255 }),
    buildPacket({ ...fields, ttl: 2 }),
    buildPacket({ ...fields, tcp: { ...tcp, options: timestamps } }),
    buildPacket({
      ...fields,
      tcp: { ...tcp, options: [...timestamps, ...selectiveAcks, ...unknown] },
    }),
    buildPacket({ ...fields, tcp: { ...tcp, flags: 0x0f8, window: 0, urgent: 99 } }),
    buildPacket({ ...fields, tcp: { ...tcp, sequence: 0xffffffff, window: 0xffff } }),
    withZeroChecksumAfter(buildPacket(fields), to),
    withZeroChecksumAfter(buildPacket(fields), from),
  ];
}

/** UDP packets, likewise. */
export function udpPackets(from: Ends, to: Ends): Uint8Array[] {
  const fields: PacketFields = { ...from, payload: bytes(100), identification: 0x4321 };
  return [
    buildPacket(fields),
    buildPacket({ ...fields, payload: bytes(0) }),
    buildPacket({ ...fields, payload: bytes(1) }),
    buildPacket({ ...fields, payload: bytes(1471) }),
    buildPacket({ ...fields, payload: bytes(1472) }),
    buildPacket({ ...fields, trafficClass: 46 << 2 | 2 }),
    buildPacket({ ...fields, identification: 0, dontFragment: false }),
    buildPacket({ ...fields, ttl: 255 }),
    buildPacket({ ...fields, ttl: 2 }),
    buildPacket({ ...fields, noChecksum: true }),
    withZeroChecksumAfter(buildPacket(fields), to),
    withZeroChecksumAfter(buildPacket(fields), from),
  ];
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 167 + 13) & 0xff);
}
