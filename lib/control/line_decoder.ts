/**
 * Cuts a stream of bytes into lines, holding at most one line's worth.
 *
 * @module
 */

const NEWLINE = 0x0a;

/** Finds lines in chunks of bytes. */
export class LineDecoder {
  readonly #maxLineBytes: number;
  readonly #text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #held = new Uint8Array(0);
  #heldBytes = 0;

  /** `maxLineBytes` does not count the newline. */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Bytes of the line that has not ended yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Calls `line` for each line that ends in this chunk, without its newline, until it returns false.
   * Returns why the stream cannot be read any further, or null. The chunk may be reused afterwards.
   */
  push(chunk: Uint8Array, line: (text: string) => boolean): string | null {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const piece = chunk.subarray(start, newline < 0 ? chunk.length : newline);
      // Before anything is copied: what is too long costs nothing.
      if (this.#heldBytes + piece.length > this.#maxLineBytes) {
        return `line longer than ${this.#maxLineBytes} bytes`;
      }
      if (newline < 0) {
        this.#hold(piece);
        return null;
      }
      const text = this.#decode(piece);
      if (text === null) return "line is not UTF-8";
      if (!line(text)) return null;
      start = newline + 1;
    }
    return null;
  }

  #decode(last: Uint8Array): string | null {
    let whole = last;
    if (this.#heldBytes > 0) {
      this.#hold(last);
      whole = this.#held.subarray(0, this.#heldBytes);
      this.#heldBytes = 0;
    }
    try {
      return this.#text.decode(whole);
    } catch {
      return null;
    }
  }

  /** One buffer that doubles, so that a sender of single bytes makes no more garbage than any other. */
  #hold(piece: Uint8Array): void {
    const needBytes = this.#heldBytes + piece.length;
    if (needBytes > this.#held.length) {
      const larger = new Uint8Array(Math.max(1024, 2 * this.#held.length, needBytes));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(piece, this.#heldBytes);
    this.#heldBytes = needBytes;
  }
}
