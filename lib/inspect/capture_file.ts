/**
 * Captured packets as a pcapng file, or on stdout for another program to read.
 *
 * @module
 */
import { VERSION } from "../config/version.ts";
import { AdminError } from "../control/admin_protocol.ts";
import type { CaptureCounts } from "../control/capture_feed.ts";
import {
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  type PcapngTime,
  sectionHeader,
} from "../wire/pcapng.ts";
import { type FrameReader, type PlacedPacket, remarksOf } from "./captured_packet.ts";
import { OutputClosed } from "../linux/output_closed.ts";

/** Bytes that are collected before they are written. */
const BUFFER_BYTES = 256 * 1024;

/** As much of a file as is written to. */
interface Sink {
  writeSync(bytes: Uint8Array): number;
}

export interface CaptureFileOptions {
  readonly snapBytes: number;
  readonly filter: string;
}

/** A pcapng file that is being written: one interface for each place, device and direction. */
export class CaptureFile {
  readonly #sink: Sink & { close?: () => void };
  readonly #options: CaptureFileOptions;
  readonly #interfaces = new Map<string, { number: number; place: string; written: number }>();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #last: PcapngTime = { seconds: 0, nanoseconds: 0 };

  /** @param path of a file that is made anew with mode 0600, or `-` for stdout. @throws {AdminError} */
  constructor(path: string, options: CaptureFileOptions) {
    this.#options = options;
    this.#sink = path === "-" ? Deno.stdout : create(path);
    this.#write(sectionHeader({ program: `bypath ${VERSION}`, system: Deno.osRelease() }));
  }

  packet(placed: PlacedPacket, reader: FrameReader): void {
    const { packet, isOut } = placed;
    const link = this.#interfaceOf(placed);
    const { frame, isComplete } = reader.complete(packet);
    link.written++;
    this.#last = packet;
    this.#write(
      enhancedPacket({
        interface: link.number,
        seconds: packet.seconds,
        nanoseconds: packet.nanoseconds,
        isOutbound: isOut,
        bytes: frame,
        originalBytes: packet.frameBytes,
        comment: remarksOf(placed, isComplete).join("; "),
      }),
    );
  }

  /** Writes what waits. */
  flush(): void {
    for (const bytes of this.#waiting.splice(0)) this.#put(bytes);
    this.#waitingBytes = 0;
  }

  /** Ends the file; what a place lost stands with its first interface. */
  finish(counts: ReadonlyMap<string, CaptureCounts>): void {
    const told = new Set<string>();
    for (const { number, place, written } of this.#interfaces.values()) {
      const isFirst = !told.has(place);
      told.add(place);
      const lost = isFirst ? counts.get(place)?.lost ?? 0 : 0;
      const accepted = written + lost;
      this.#write(
        interfaceStatistics({ ...this.#last, interface: number, accepted, written, lost }),
      );
    }
    this.flush();
    if (this.#sink !== Deno.stdout) this.#sink.close?.();
  }

  #interfaceOf({ place, device, isOut }: PlacedPacket) {
    const name = `${place} ${device} ${isOut ? "out" : "in"}`;
    const known = this.#interfaces.get(name);
    if (known !== undefined) return known;
    const made = { number: this.#interfaces.size, place, written: 0 };
    this.#interfaces.set(name, made);
    const { snapBytes, filter } = this.#options;
    const description = isOut
      ? `packets that leave by ${device} of ${place}`
      : `packets that came by ${device} of ${place}, as they came`;
    this.#write(interfaceDescription({ name, description, snapBytes, filter }));
    return made;
  }

  #write(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > BUFFER_BYTES) this.flush();
  }

  #put(bytes: Uint8Array): void {
    try {
      while (bytes.length > 0) bytes = bytes.subarray(this.#sink.writeSync(bytes));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
      throw new AdminError(`Cannot write what is captured: ${(error as Error).message}`);
    }
  }
}

function create(path: string): Deno.FsFile {
  try {
    // Packets are nobody else's business, whatever the umask is.
    return Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 });
  } catch (error) {
    throw new AdminError(`Cannot write to "${path}": ${(error as Error).message}`);
  }
}
