/**
 * Ethernet II frames (IEEE 802.3 with a type field) and MAC addresses.
 *
 * ```
 *  0             6             12     14
 *  | destination | source      | type | payload
 * ```
 *
 * @module
 */

import { type Malformed, malformed, type Parsed, parsed, viewOf } from "./malformed.ts";
import { PARSED, TOO_SHORT } from "./reason.ts";

const DESTINATION = 0;
const SOURCE = 6;
const TYPE = 12;

export const ETHERNET_HEADER_BYTES = 14;
/** Without the frame check sequence; shorter frames are padded. */
export const SMALLEST_ETHERNET_FRAME_BYTES = 60;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;

export const BROADCAST_MAC: Uint8Array = new Uint8Array(6).fill(0xff);

/** The fields of a frame in place. Getters and setters are safe after `check` returned `PARSED`. */
export class EthernetView {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  check(): number {
    return this.bytes.length < ETHERNET_HEADER_BYTES ? TOO_SHORT : PARSED;
  }

  get destination(): Uint8Array {
    return this.bytes.subarray(DESTINATION, DESTINATION + 6);
  }
  set destination(mac: Uint8Array) {
    this.bytes.set(mac, DESTINATION);
  }

  get source(): Uint8Array {
    return this.bytes.subarray(SOURCE, SOURCE + 6);
  }
  set source(mac: Uint8Array) {
    this.bytes.set(mac, SOURCE);
  }

  get etherType(): number {
    return this.#view.getUint16(TYPE);
  }
  set etherType(type: number) {
    this.#view.setUint16(TYPE, type);
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(ETHERNET_HEADER_BYTES);
  }
}

export interface EthernetHeader {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly etherType: number;
}

/** Reads the header; the MAC addresses are copies. */
export function parseEthernet(bytes: Uint8Array): Parsed<EthernetHeader> | Malformed {
  const view = new EthernetView(bytes);
  const reason = view.check();
  if (reason !== PARSED) return malformed(reason);
  return parsed({
    destination: view.destination.slice(),
    source: view.source.slice(),
    etherType: view.etherType,
  }, view.payload);
}

/** Writes the header to the start of `bytes`. Returns its length. */
export function emitEthernet(header: EthernetHeader, bytes: Uint8Array): number {
  const view = new EthernetView(bytes);
  view.destination = header.destination;
  view.source = header.source;
  view.etherType = header.etherType;
  return ETHERNET_HEADER_BYTES;
}

/**
 * Reads `02:00:00:00:00:01`.
 *
 * @throws SyntaxError when the text is not six two-digit hexadecimal numbers
 */
export function parseMac(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new SyntaxError(`Cannot read "${text}" as a MAC address: need six hexadecimal bytes`);
  }
  return Uint8Array.from(text.split(":"), (byte) => parseInt(byte, 16));
}

/** `02:00:00:00:00:01`. */
export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Whether two MAC addresses are the same; an interface without one has an empty array. */
export function equalMacs(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
