import { mapAnonymous } from "../linux/memory.ts";
import { SendQueue } from "../linux/message_batch.ts";

const FRAME_BYTES = 128;
const FRAMES = 32;

/**
 * Sends small frames from JavaScript's memory, by any packet socket: for the few that are made away
 * from the packet path. Never waits; what the kernel does not take at once is lost.
 */
export class FrameSender implements Disposable {
  readonly #memory = mapAnonymous(FRAMES * FRAME_BYTES);
  readonly #bytes = new Uint8Array(this.#memory.buffer);
  readonly #queue = new SendQueue(this.#memory, { capacity: FRAMES, waitMs: 0 });

  /** Sends frames of up to 128 bytes; returns how many the kernel took. Throws RangeError. */
  send(fd: number, frames: Iterable<Uint8Array>): number {
    let sent = 0;
    for (const frame of frames) {
      if (frame.length > FRAME_BYTES) {
        throw new RangeError(
          `Cannot send a frame of ${frame.length} bytes: at most ${FRAME_BYTES}`,
        );
      }
      if (this.#queue.full) sent += this.#queue.flush(fd);
      const offset = this.#queue.length * FRAME_BYTES;
      this.#bytes.set(frame, offset);
      this.#queue.push(offset, frame.length);
    }
    return sent + this.#queue.flush(fd);
  }

  [Symbol.dispose](): void {
    this.#queue[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}
