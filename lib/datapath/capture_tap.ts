import { readWallClock } from "../linux/clock.ts";
import { CaptureSubject, compileCaptureFilter } from "../session/capture_subject.ts";
import { CAPTURED, FRAME_AT, VNET_AT } from "../session/capture_record.ts";
import type { CaptureTest } from "../session/capture_filter.ts";
import { Packet } from "../wire/packet.ts";
import { PARSED, UNKNOWN_PROTOCOL } from "../wire/reason.ts";
import { CaptureRing } from "./capture_ring.ts";
import {
  ETHERNET_HEADER_BYTES,
  HANDED,
  IP_OFFSET,
  KEPT,
  type PacketTap,
  VNET_HEADER_BYTES,
} from "./engine.ts";

/** What a packet worker is asked to capture. */
export interface TapOrder {
  /** Of the capture, among those of this worker. */
  readonly id: number;
  /** Of `makeCaptureRing`. */
  readonly ring: SharedArrayBuffer;
  /** Bytes of each frame. */
  readonly snapBytes: number;
  /** Resolved: a packet thread knows no services and no sessions. */
  readonly filter: CaptureTest | null;
  /** Which of how many packet threads this one is: packets are numbered over all of them. */
  readonly worker: number;
  readonly workers: number;
}

export interface CaptureTapOptions {
  /** The engine's. */
  readonly memory: ArrayBuffer;
  /** Whether the frames of a source have an Ethernet header. */
  readonly hasEthernet: (source: number) => boolean;
  /** Number of the interface that the packet in a slot came by. */
  readonly linkOf: (source: number, slot: number) => number;
  /**
   * A packet has come: until the handler is given it, which what is malformed never is, `describe` says
   * nothing.
   */
  readonly forget: () => void;
  /**
   * Fills in what the handler knows of the packet that it was given last: slot, id, direction, path and the
   * ends of the session.
   */
  readonly describe: (subject: CaptureSubject) => void;
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/**
 * Writes packets into a ring, as they came and as they leave. A packet that comes is copied before
 * anything happens to it, and shown to the reader once it is known what became of it. Allocates nothing
 * per packet; when the ring is full it only counts.
 */
export class CaptureTap implements PacketTap {
  readonly id: number;
  readonly #options: CaptureTapOptions;
  readonly #ring: CaptureRing;
  readonly #snapBytes: number;
  readonly #isWanted: ReturnType<typeof compileCaptureFilter>;
  readonly #from: Int32Array;
  readonly #fromBytes: Uint8Array;
  readonly #packet = new Packet();
  readonly #subject = new CaptureSubject();
  readonly #time = new Uint32Array(2);
  /** The slot of the packet decided about last, and its number. */
  #current = -1;
  #number: number;
  readonly #step: number;
  /** The record that is being written: where it is (-1: there was no room), and its lengths. */
  #at = -1;
  #recordBytes = 0;
  #capturedBytes = 0;
  #frameBytes = 0;
  #link = 0;

  constructor(order: TapOrder, options: CaptureTapOptions) {
    this.id = order.id;
    this.#options = options;
    this.#ring = new CaptureRing(order.ring);
    this.#snapBytes = order.snapBytes;
    this.#step = order.workers;
    this.#number = order.worker + 1 - order.workers;
    this.#isWanted = compileCaptureFilter(order.filter);
    this.#from = new Int32Array(options.memory, 0, options.memory.byteLength >> 2);
    this.#fromBytes = new Uint8Array(options.memory);
    this.#packet.attach(options.memory);
  }

  arrived(source: number, slot: number, frameBytes: number): void {
    const subject = this.#subject;
    this.#number = (this.#number + this.#step) | 0;
    this.#current = slot;
    subject.clear();
    subject.direction = "in";
    subject.own = false;
    this.#parse(slot, frameBytes);
    this.#options.forget();
    this.#copy(this.#options.linkOf(source, slot), slot, frameBytes);
    if (this.#at >= 0 && !this.#options.hasEthernet(source)) this.#writeEthernet(slot);
  }

  decided(verdict: number): void {
    // The worker that has it now shows it, and knows whose it is.
    if (verdict === HANDED) return;
    const subject = this.#subject;
    this.#options.describe(subject);
    if (verdict < 0 && verdict !== KEPT) subject.reason = -verdict;
    this.#finish(verdict === KEPT ? CAPTURED.kept : 0);
  }

  leaving(output: number, slot: number, frameBytes: number, own: boolean): void {
    const subject = this.#subject;
    subject.direction = "out";
    subject.own = own;
    subject.reason = 0;
    if (own || slot !== this.#current) this.#alone(slot, frameBytes);
    this.#copy(output, slot, frameBytes);
    this.#finish(CAPTURED.out);
  }

  lost(slot: number, frameBytes: number, reason: number): void {
    const subject = this.#subject;
    subject.direction = "out";
    subject.own = false;
    if (slot !== this.#current) this.#alone(slot, frameBytes);
    subject.reason = reason;
    this.#copy(0, slot, frameBytes);
    this.#finish(CAPTURED.out);
  }

  /** A packet of which nothing is known but what it says: its own, or one that had to wait. */
  #alone(slot: number, frameBytes: number): void {
    this.#current = -1;
    this.#subject.clear();
    this.#parse(slot, frameBytes);
  }

  #parse(slot: number, frameBytes: number): void {
    const packet = this.#packet;
    const result = packet.parse(slot + IP_OFFSET, frameBytes - ETHERNET_HEADER_BYTES);
    this.#subject.see(result === PARSED || result === UNKNOWN_PROTOCOL ? packet : null);
  }

  /** Copies the frame and its virtio_net_hdr to where its record will be. */
  #copy(link: number, slot: number, frameBytes: number): void {
    const capturedBytes = frameBytes < this.#snapBytes ? frameBytes : this.#snapBytes;
    this.#link = link;
    this.#frameBytes = frameBytes;
    this.#capturedBytes = capturedBytes;
    this.#recordBytes = (FRAME_AT + capturedBytes + 7) & ~7;
    this.#at = this.#ring.reserve(this.#recordBytes);
    if (this.#at < 0) return;
    const to = this.#ring.words;
    const from = this.#from;
    const first = (this.#at + VNET_AT) >> 2;
    const start = slot >> 2;
    const words = (VNET_HEADER_BYTES + capturedBytes + 3) >> 2;
    for (let i = 0; i < words; i++) to[first + i] = from[start + i]!;
  }

  #writeEthernet(slot: number): void {
    const bytes = this.#ring.bytes;
    const at = this.#at + FRAME_AT;
    for (let i = 0; i < 12; i++) bytes[at + i] = 0;
    const version = this.#fromBytes[slot + IP_OFFSET]! >>> 4;
    const type = version === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    bytes[at + 12] = type >>> 8;
    bytes[at + 13] = type & 0xff;
  }

  #finish(flags: number): void {
    const subject = this.#subject;
    const ring = this.#ring;
    if (!this.#isWanted(subject)) return ring.skipped();
    if (this.#at < 0) return ring.lost();
    // Not before it is known that it is wanted: asking the clock costs as much as copying.
    readWallClock(this.#time);
    const { words, halves, bytes } = ring;
    const word = this.#at >> 2;
    words[word] = this.#recordBytes;
    words[word + 1] = this.#capturedBytes;
    words[word + 2] = this.#frameBytes;
    halves[(this.#at >> 1) + 6] = flags | (subject.own ? CAPTURED.own : 0) |
      (subject.fromClient ? CAPTURED.fromClient : 0) |
      (subject.path === null ? 0 : subject.path === "nat" ? CAPTURED.nat : CAPTURED.bypass);
    bytes[this.#at + 14] = this.#link;
    bytes[this.#at + 15] = subject.reason;
    words[word + 4] = this.#time[0]!;
    words[word + 5] = this.#time[1]!;
    words[word + 6] = subject.slot;
    words[word + 7] = this.#current < 0 ? 0 : this.#number;
    ring.doubles[(this.#at + 32) >> 3] = subject.id;
    ring.commit(this.#recordBytes);
  }
}

/** The taps of a packet worker as one; null: there are none. */
export class CaptureTaps implements PacketTap {
  #taps: CaptureTap[] = [];

  add(tap: CaptureTap): void {
    this.#taps = [...this.#taps, tap];
  }
  remove(id: number): void {
    this.#taps = this.#taps.filter((tap) => tap.id !== id);
  }
  /** For the engine. */
  get tap(): PacketTap | null {
    return this.#taps.length === 0 ? null : this.#taps.length === 1 ? this.#taps[0]! : this;
  }

  arrived(source: number, slot: number, frameBytes: number): void {
    for (const tap of this.#taps) tap.arrived(source, slot, frameBytes);
  }
  decided(verdict: number): void {
    for (const tap of this.#taps) tap.decided(verdict);
  }
  leaving(output: number, slot: number, frameBytes: number, own: boolean): void {
    for (const tap of this.#taps) tap.leaving(output, slot, frameBytes, own);
  }
  lost(slot: number, frameBytes: number, reason: number): void {
    for (const tap of this.#taps) tap.lost(slot, frameBytes, reason);
  }
}
