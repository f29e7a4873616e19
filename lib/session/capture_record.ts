/**
 * One captured packet as it lies in a capture ring and travels to whoever reads it.
 *
 * ```
 * byte  0  bytes of this record, a multiple of 8              uint32   0 in a ring: its rest is unused
 *       4  bytes of the frame that were captured              uint32
 *       8  bytes of the frame                                 uint32
 *      12  flags, see CAPTURED                                uint16
 *      14  number of the source or of the output              uint8
 *      15  why it was dropped, 0: it was not                  uint8
 *      16  seconds since 1970, UTC                            uint32
 *      20  nanoseconds                                        uint32
 *      24  slot of its session or instruction, 0: none        uint32
 *      28  number of the packet that came, the same after it  uint32
 *      32  id of its session in the table, 0: none            float64
 *      40  virtio_net_hdr                                     10 bytes
 *      50  frame, as far as it was captured
 * ```
 *
 * Numbers are little endian. A frame that came from a device without link addresses has an Ethernet
 * header of zeros and its type.
 *
 * @module
 */

import { FLAG_NEEDS_CSUM, gsoSize } from "../wire/virtio_net_header.ts";

export const VNET_AT = 40;
export const FRAME_AT = 50;

/** Bits of a record's flags. */
export const CAPTURED = {
  /** It leaves; without this bit it has come. */
  out: 1,
  /** Nobody sent it to us: an answer, or a fragment of what was too large. */
  own: 2,
  /** It goes by the direct way, or (from a client) its response does. */
  bypass: 4,
  /** By way of the NAT machine. With neither the path is not known. */
  nat: 8,
  fromClient: 16,
  /** It is kept for a moment, until it is known what becomes of it. */
  kept: 32,
} as const;

export interface CapturedPacket {
  readonly frame: Uint8Array;
  readonly frameBytes: number;
  readonly flags: number;
  readonly link: number;
  readonly reason: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly slot: number;
  readonly number: number;
  readonly id: number;
  /** Its checksum above IP is left to the device that sends it. */
  readonly isPartial: boolean;
  /** Bytes of each segment that it will be cut into; 0: it will not be. */
  readonly segmentBytes: number;
}

/**
 * The packets of records that follow each other. What comes from another machine may be anything: reading
 * ends at the first record that is none.
 */
export function* readCaptured(bytes: Uint8Array): Generator<CapturedPacket> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + FRAME_AT <= bytes.length;) {
    const recordBytes = view.getUint32(at, true);
    const capturedBytes = view.getUint32(at + 4, true);
    const isWhole = recordBytes % 8 === 0 && recordBytes >= FRAME_AT + capturedBytes &&
      at + recordBytes <= bytes.length;
    if (!isWhole) return;
    yield {
      frame: bytes.subarray(at + FRAME_AT, at + FRAME_AT + capturedBytes),
      frameBytes: Math.max(capturedBytes, view.getUint32(at + 8, true)),
      flags: view.getUint16(at + 12, true),
      link: view.getUint8(at + 14),
      reason: view.getUint8(at + 15),
      seconds: view.getUint32(at + 16, true),
      nanoseconds: Math.min(999_999_999, view.getUint32(at + 20, true)),
      slot: view.getUint32(at + 24, true),
      number: view.getUint32(at + 28, true),
      id: view.getFloat64(at + 32, true),
      isPartial: (view.getUint8(at + VNET_AT) & FLAG_NEEDS_CSUM) !== 0,
      segmentBytes: gsoSize(view, at + VNET_AT),
    };
    at += recordBytes;
  }
}
