import { BLOCK_BYTES, ContentWriter } from "./content.ts";
import { writeAll } from "./http_message.ts";

/**
 * Deterministic content (`content.ts`) in frames: a length in four bytes, then so many bytes of
 * content; a length of zero is the end. A stream may so end when its sender is told to, and one
 * that was cut short is told from one that ended.
 */

export const MAX_FRAME_BYTES = 64 * 1024;
const LENGTH_BYTES = 4;

/** Writes one endless content, frame by frame. */
export class FrameWriter {
  readonly #connection: Deno.Conn;
  readonly #content: ContentWriter;
  readonly #frame = new Uint8Array(LENGTH_BYTES + MAX_FRAME_BYTES);
  readonly #view = new DataView(this.#frame.buffer);
  /** Bytes of content written so far. */
  bytes = 0;

  constructor(connection: Deno.Conn, seed: number) {
    this.#connection = connection;
    this.#content = new ContentWriter(seed);
  }

  /** At most `lengthBytes`: a frame does not cross the border of two blocks. */
  async write(lengthBytes: number): Promise<number> {
    const block = this.#content.block(Math.floor(this.bytes / BLOCK_BYTES));
    const at = this.bytes % BLOCK_BYTES;
    const length = Math.min(lengthBytes, MAX_FRAME_BYTES, BLOCK_BYTES - at);
    this.#view.setUint32(0, length);
    this.#frame.set(block.subarray(at, at + length), LENGTH_BYTES);
    await writeAll(this.#connection, this.#frame.subarray(0, LENGTH_BYTES + length));
    this.bytes += length;
    return length;
  }

  async end(): Promise<void> {
    await writeAll(this.#connection, new Uint8Array(LENGTH_BYTES));
  }
}

/** Takes a framed stream in pieces of any size and compares every byte with what it should be. */
export class FrameChecker {
  readonly #content: ContentWriter;
  #block: Uint8Array;
  #blockIndex = 0;
  #lengthBytesSeen = 0;
  #length = 0;
  #left = 0;
  /** Bytes of content received. */
  bytes = 0;
  /** Pieces with a byte that is not the one that belongs there. */
  wrong = 0;
  /** Whether the frame that ends the stream has come. */
  ended = false;

  constructor(seed: number) {
    this.#content = new ContentWriter(seed);
    this.#block = this.#content.block(0);
  }

  update(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) {
      if (this.ended) {
        this.wrong++;
        return;
      }
      if (this.#left === 0) {
        this.#length = this.#length << 8 | (piece[at++] as number);
        if (++this.#lengthBytesSeen === LENGTH_BYTES) this.#beginFrame();
        continue;
      }
      const inBlock = this.bytes % BLOCK_BYTES;
      const count = Math.min(piece.length - at, this.#left, BLOCK_BYTES - inBlock);
      this.#compare(piece.subarray(at, at + count), inBlock);
      at += count;
      this.bytes += count;
      this.#left -= count;
    }
  }

  #beginFrame(): void {
    if (this.#length === 0) this.ended = true;
    // Not a frame of ours: the borders are lost, and what follows will not be right either.
    if (this.#length > MAX_FRAME_BYTES || this.#length < 0) this.wrong++;
    this.#left = Math.max(0, this.#length);
    this.#length = 0;
    this.#lengthBytesSeen = 0;
  }

  #compare(piece: Uint8Array, at: number): void {
    const index = Math.floor(this.bytes / BLOCK_BYTES);
    if (index !== this.#blockIndex) {
      this.#block = this.#content.block(index);
      this.#blockIndex = index;
    }
    for (let i = 0; i < piece.length; i++) {
      if (piece[i] !== this.#block[at + i]) {
        this.wrong++;
        return;
      }
    }
  }
}
