import { buildPacket } from "../../../lib/wire/build_frame.ts";
import type { Protocol } from "./settings.ts";

export const FIN = 1, SYN = 2, RST = 4, ACK = 16;
const MARK = 0x62797061;

/** A packet somewhere between two machines. */
export interface Flying {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly bornMs: number;
}

/** What a packet shows to whoever gets it. */
export interface Seen {
  readonly protocol: Protocol;
  readonly source: string;
  readonly destination: string;
  readonly flags: number;
  /** The conversation that it names, 0 when it names none. */
  readonly number: number;
}

/** A packet whose payload names a conversation. */
export function packetOf(
  what: {
    protocol: Protocol;
    source: string;
    destination: string;
    flags?: number;
    number: number;
  },
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(8);
  const view = new DataView(payload.buffer);
  view.setUint32(0, MARK);
  view.setUint32(4, what.number);
  const { protocol, source, destination, flags = ACK, number } = what;
  return buildPacket({ protocol, source, destination, flags, payload, sequence: number * 1000 });
}

/** Reads a TCP or UDP packet without IP options; null for anything else. */
export function see(bytes: Uint8Array<ArrayBuffer>): Seen | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = bytes[9];
  if (number !== 6 && number !== 17) return null;
  const headerBytes = number === 6 ? 20 : 8;
  const payloadAt = 20 + headerBytes;
  const named = bytes.length >= payloadAt + 8 && view.getUint32(payloadAt) === MARK;
  return {
    protocol: number === 6 ? "tcp" : "udp",
    source: `${address(bytes, 12)}:${view.getUint16(20)}`,
    destination: `${address(bytes, 16)}:${view.getUint16(22)}`,
    flags: number === 6 ? bytes[33]! : 0,
    number: named ? view.getUint32(payloadAt + 4) : 0,
  };
}

function address(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}
