/**
 * A captured packet with all that is known of it, and what that is in words.
 *
 * @module
 */
import type { CaptureBatch, CaptureLinks } from "../control/capture_feed.ts";
import { CAPTURED, type CapturedPacket, readCaptured } from "../session/capture_record.ts";
import { reasonText } from "../session/capture_filter.ts";
import { dropName } from "../session/drop_reason.ts";
import { fillL4 } from "../wire/l4_checksum.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED, reasonMeaning } from "../wire/reason.ts";
import { printable } from "./palette.ts";

/** A packet and where it was seen. */
export interface PlacedPacket {
  readonly packet: CapturedPacket;
  readonly place: string;
  readonly device: string;
  readonly isOut: boolean;
  readonly session: string | null;
  readonly service: string | null;
}

/** Reads the batches of one place. What an agent sends may be anything. */
export class BatchReader {
  readonly #place: string;
  readonly #links: CaptureLinks;
  readonly #sessions = new Map<number, { id: number; session: string; service: string }>();

  constructor(place: string, links: CaptureLinks) {
    this.#place = place;
    this.#links = links;
  }

  *read({ data, sessions }: CaptureBatch): Generator<PlacedPacket> {
    for (const { slot, id, session, service } of sessions) {
      this.#sessions.set(slot, { id, session: printable(session), service: printable(service) });
    }
    for (const packet of readCaptured(Uint8Array.fromBase64(data))) {
      const isOut = (packet.flags & CAPTURED.out) !== 0;
      const device = (isOut ? this.#links.outputs : this.#links.sources)[packet.link];
      const known = packet.slot === 0 ? undefined : this.#sessions.get(packet.slot);
      const named = known?.id === packet.id ? known : undefined;
      yield {
        packet,
        place: this.#place,
        device: printable(device ?? `link ${packet.link}`),
        isOut,
        session: named?.session ?? null,
        service: named?.service || null,
      };
    }
  }
}

/** The path of a packet, or null where it has none. */
export function pathOf({ flags }: CapturedPacket): "nat" | "bypass" | null {
  if ((flags & CAPTURED.bypass) !== 0) return "bypass";
  return (flags & CAPTURED.nat) !== 0 ? "nat" : null;
}

/** What a comment says, part by part; a completed checksum need not be told. */
export function remarksOf(placed: PlacedPacket, isComplete: boolean): string[] {
  const { packet, isOut, session, service } = placed;
  const { reason, flags, number, segmentBytes, isPartial } = packet;
  const path = pathOf(packet);
  return [
    (flags & CAPTURED.own) !== 0 ? "made by bypath" : `${isOut ? "after" : "before"} translation`,
    ...(number === 0 ? [] : [`packet ${number}`]),
    ...(reason === 0 ? [] : [`dropped: ${dropText(reason)}`]),
    ...((flags & CAPTURED.kept) === 0 ? [] : ["kept until it is known whose it is"]),
    ...(session === null ? [] : [`session ${session}`]),
    ...(service === null ? [] : [`service ${service}`]),
    ...(path === null ? [] : [`path ${path}`]),
    ...(segmentBytes === 0 ? [] : [`to be cut into segments of ${segmentBytes} bytes`]),
    ...(isPartial && !isComplete ? ["checksum left to the sending device"] : []),
  ];
}

/** `noSession`, and for what is malformed also what is wrong: `badTcp (...)`. */
export function dropText(reason: number): string {
  return dropName(reason) === undefined
    ? `${reasonText(reason)} (${reasonMeaning(reason)})`
    : reasonText(reason);
}

const ETHERNET_BYTES = 14;

/** Reads headers of captured frames, also of those that were cut. */
export class FrameReader {
  readonly packet = new Packet();
  #bytes = new Uint8Array(66 * 1024);

  constructor() {
    this.packet.attach(this.#bytes.buffer);
  }

  /** Parses a frame; what was cut off counts as zeros. Null: it is malformed. */
  parse({ frame, frameBytes }: CapturedPacket): Packet | null {
    if (frameBytes > this.#bytes.length) {
      // An agent may say any length.
      if (frameBytes > 1 << 17) return null;
      this.#bytes = new Uint8Array(frameBytes);
      this.packet.attach(this.#bytes.buffer);
    }
    this.#bytes.set(frame);
    this.#bytes.fill(0, frame.length, frameBytes);
    const reason = this.packet.parse(ETHERNET_BYTES, frameBytes - ETHERNET_BYTES);
    return reason === PARSED ? this.packet : null;
  }

  /**
   * The frame with the checksum that its sending device would have filled in, where all of it was
   * captured; else the frame as it is.
   */
  complete(captured: CapturedPacket): { readonly frame: Uint8Array; readonly isComplete: boolean } {
    const { frame, frameBytes, isPartial } = captured;
    if (!isPartial) return { frame, isComplete: true };
    if (frame.length < frameBytes) return { frame, isComplete: false };
    const packet = this.parse(captured);
    if (packet === null || packet.isFragment) return { frame, isComplete: false };
    fillL4(packet);
    return { frame: this.#bytes.slice(0, frameBytes), isComplete: true };
  }
}
