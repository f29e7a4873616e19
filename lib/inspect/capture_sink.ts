import type { CaptureCounts } from "../control/capture_feed.ts";
import { CaptureFile } from "./capture_file.ts";
import { formatPacket, packetJson } from "./capture_line.ts";
import { FrameReader, type PlacedPacket } from "./captured_packet.ts";
import type { InspectHost } from "./host.ts";
import type { CaptureOptions } from "./options.ts";
import { paintFor } from "./palette.ts";

/** Where captured packets go. */
export interface CaptureSink {
  packet(placed: PlacedPacket): void;
  flush(): Promise<void>;
  finish(counts: ReadonlyMap<string, CaptureCounts>): void;
}

/** A pcapng file where one is asked for, else lines. @throws {AdminError} when it cannot be made */
export function captureSink(
  { write, filter }: CaptureOptions,
  { json, snapBytes, host }: { json: boolean; snapBytes: number; host: InspectHost },
): CaptureSink {
  const frames = new FrameReader();
  if (write !== undefined) {
    const file = new CaptureFile(write, { snapBytes, filter });
    return {
      packet: (placed) => file.packet(placed, frames),
      flush: () => Promise.resolve(file.flush()),
      finish: (counts) => file.finish(counts),
    };
  }
  const paint = paintFor(host);
  const lines: string[] = [];
  return {
    packet: (placed) =>
      lines.push(
        json ? JSON.stringify(packetJson(placed, frames)) : formatPacket(placed, frames, paint),
      ),
    flush: async () => {
      if (lines.length > 0) await host.write(`${lines.splice(0).join("\n")}\n`);
    },
    finish: () => {},
  };
}
