/**
 * ARP for IPv4 over Ethernet (RFC 826), requests, replies and announcements (RFC 5227 section 2.3).
 *
 * ```
 *  0        2        4     5     6        8            14           18           24          28
 *  | hw = 1 | 0x0800 | 6   | 4   | oper.  | sender MAC | sender IP  | target MAC | target IP |
 * ```
 *
 * @module
 */

import { IpAddress } from "./address.ts";
import { BROADCAST_MAC, emitEthernet, ETHERNET_HEADER_BYTES, ETHERTYPE_ARP } from "./ethernet.ts";
import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { BAD_VERSION, PARSED, TOO_SHORT } from "./reason.ts";

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
const SENDER_MAC = 8;
const SENDER_ADDRESS = 14;
const TARGET_MAC = 18;
const TARGET_ADDRESS = 24;

export const ARP_BYTES = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

/** The fields of an ARP message in place. Getters are safe after `check` returned `PARSED`. */
export class ArpView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** `BAD_VERSION` when it is ARP for something else than IPv4 over Ethernet. */
  check(): number {
    if (this.bytes.length < ARP_BYTES) return TOO_SHORT;
    const isIpv4OverEthernet = this.#view.getUint16(HARDWARE_TYPE) === 1 &&
      this.#view.getUint16(PROTOCOL_TYPE) === 0x0800 &&
      this.bytes[HARDWARE_LENGTH] === 6 && this.bytes[PROTOCOL_LENGTH] === 4;
    return isIpv4OverEthernet ? PARSED : BAD_VERSION;
  }

  get operation(): number {
    return this.#view.getUint16(OPERATION);
  }
  get senderMac(): Uint8Array {
    return this.bytes.subarray(SENDER_MAC, SENDER_MAC + 6);
  }
  get senderAddress(): IpAddress {
    return IpAddress.fromBytes(this.bytes.subarray(SENDER_ADDRESS, SENDER_ADDRESS + 4));
  }
  get targetMac(): Uint8Array {
    return this.bytes.subarray(TARGET_MAC, TARGET_MAC + 6);
  }
  get targetAddress(): IpAddress {
    return IpAddress.fromBytes(this.bytes.subarray(TARGET_ADDRESS, TARGET_ADDRESS + 4));
  }
}

export interface ArpHeader {
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly senderAddress: IpAddress;
  readonly targetMac: Uint8Array;
  readonly targetAddress: IpAddress;
}

/** Reads a message, from the first byte after the Ethernet header. */
export function parseArp(bytes: Uint8Array): Parsed<ArpHeader> | Malformed {
  const view = new ArpView(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  return parsed({
    operation: view.operation,
    senderMac: view.senderMac.slice(),
    senderAddress: view.senderAddress,
    targetMac: view.targetMac.slice(),
    targetAddress: view.targetAddress,
  }, bytes.subarray(ARP_BYTES));
}

/** Writes a message to the start of `bytes`. Returns its length. */
export function emitArp(header: ArpHeader, bytes: Uint8Array): number {
  const view = viewOf(bytes);
  view.setUint16(HARDWARE_TYPE, 1);
  view.setUint16(PROTOCOL_TYPE, 0x0800);
  bytes[HARDWARE_LENGTH] = 6;
  bytes[PROTOCOL_LENGTH] = 4;
  view.setUint16(OPERATION, header.operation);
  bytes.set(header.senderMac, SENDER_MAC);
  bytes.set(header.senderAddress.toBytes(), SENDER_ADDRESS);
  bytes.set(header.targetMac, TARGET_MAC);
  bytes.set(header.targetAddress.toBytes(), TARGET_ADDRESS);
  return ARP_BYTES;
}

/** The frame that answers a request: `address` is at `mac`. */
export function buildArpReply(request: ArpHeader, mac: Uint8Array): Uint8Array<ArrayBuffer> {
  return buildArpFrame(request.senderMac, {
    operation: ARP_REPLY,
    senderMac: mac,
    senderAddress: request.targetAddress,
    targetMac: request.senderMac,
    targetAddress: request.senderAddress,
  });
}

/** The broadcast frame that tells everyone that `address` is at `mac` (RFC 5227 section 2.3: a request for itself). */
export function buildArpAnnouncement(address: IpAddress, mac: Uint8Array): Uint8Array<ArrayBuffer> {
  return buildArpFrame(BROADCAST_MAC, {
    operation: ARP_REQUEST,
    senderMac: mac,
    senderAddress: address,
    targetMac: new Uint8Array(6),
    targetAddress: address,
  });
}

function buildArpFrame(destination: Uint8Array, header: ArpHeader): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + ARP_BYTES);
  emitEthernet({ destination, source: header.senderMac, etherType: ETHERTYPE_ARP }, frame);
  emitArp(header, frame.subarray(ETHERNET_HEADER_BYTES));
  return frame;
}
