/**
 * What parsing and rewriting costs: `deno bench lib/wire/packet_bench.ts`.
 *
 * One iteration is a batch of 64 packets, as a worker receives them; divide by 64. Each packet is turned around: `parse`,
 * the check of its virtio_net_hdr, `rewrite` of both addresses and ports with all checksums, `decrementHopLimit`.
 */

import { parseEndpoint } from "./address.ts";
import { buildFrame, type FrameOptions } from "./build_frame.ts";
import { Packet } from "./packet.ts";
import { decrementHopLimit, rewrite } from "./rewrite.ts";
import { check, needsChecksum } from "./virtio_net_header.ts";

const SLOTS = 64;
const SLOT_BYTES = 2048;

const V4 = { source: "198.51.100.2:40000", destination: "203.0.113.10:80" };
const V6 = { source: "[2001:db8:c::2]:40000", destination: "[2001:db8:f::10]:80" };
const payload = new Uint8Array(1400);

function bench(name: string, options: FrameOptions): void {
  const batch = new Batch(options);
  Deno.bench(`${name}, parse only`, { group: name }, () => {
    if (batch.parse() === 0) throw new Error("Nothing parsed");
  });
  Deno.bench(`${name}, parse, check, rewrite, decrement`, { group: name }, () => {
    if (batch.turn() !== 0) throw new Error("Packet refused");
  });
}

/** A batch of packets in memory as a packet socket delivers it. */
class Batch {
  readonly #packet = new Packet();
  readonly #frameBytes: number;
  readonly #pristine: Uint8Array;
  readonly #there: Int32Array;
  readonly #back: Int32Array;
  #rounds = 0;

  constructor(options: FrameOptions) {
    const frame = buildFrame(options);
    this.#frameBytes = frame.length;
    this.#pristine = new Uint8Array(SLOTS * SLOT_BYTES);
    for (let slot = 0; slot < this.#pristine.length; slot += SLOT_BYTES) {
      this.#pristine.set(frame, slot + 10);
      if (options.checksum === "partial") {
        this.#pristine.set([1, 0, 0, 0, 0, 0, 34, 0, 16, 0], slot);
      }
    }
    const source = parseEndpoint(options.source).address.words;
    const destination = parseEndpoint(options.destination).address.words;
    this.#there = Int32Array.of(...source, ...destination);
    this.#back = Int32Array.of(...destination, ...source);
    this.#packet.attach(this.#pristine.slice().buffer);
  }

  /** Returns a sum of what was found, so that no work can be left out. */
  parse(): number {
    const packet = this.#packet;
    let sum = 0;
    for (let slot = 0; slot < SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
      sum += packet.parse(slot + 24, this.#frameBytes - 14) + packet.sourcePort;
    }
    return sum;
  }

  turn(): number {
    const packet = this.#packet;
    // Hop limits run out.
    if ((this.#rounds & 31) === 0) this.#refresh();
    const to = (this.#rounds++ & 1) === 0 ? this.#back : this.#there;
    let refused = 0;
    for (let slot = 0; slot < SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
      refused |= packet.parse(slot + 24, this.#frameBytes - 14);
      refused |= check(packet.view, slot, this.#frameBytes, packet);
      const partial = needsChecksum(packet.view, slot);
      rewrite(packet, to, packet.destinationPort, packet.sourcePort, partial);
      decrementHopLimit(packet);
    }
    return refused;
  }

  /** Brings back the headers; shared by 32 rounds, so that it hardly counts. */
  #refresh(): void {
    for (let slot = 0; slot < SLOTS * SLOT_BYTES; slot += SLOT_BYTES) {
      this.#packet.bytes.set(this.#pristine.subarray(slot, slot + 90), slot);
    }
  }
}

bench("IPv4 TCP", { ...V4, protocol: "tcp", payload });
bench("IPv4 TCP, partial checksum", { ...V4, protocol: "tcp", payload, checksum: "partial" });
bench("IPv4 UDP", { ...V4, protocol: "udp", payload });
bench("IPv6 TCP", { ...V6, protocol: "tcp", payload });
