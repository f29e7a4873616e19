import { createHash } from "node:crypto";

/**
 * Deterministic content: any number of bytes, the same for the same seed. Pages of 64 KiB, each with
 * its number in its first eight bytes, so that a page lost, doubled or moved is seen without a hash.
 */

export const PAGE_BYTES = 64 * 1024;
const PAGES_PER_BLOCK = 16;
/** The unit in which content is produced. */
export const BLOCK_BYTES = PAGE_BYTES * PAGES_PER_BLOCK;

/** Produces content block by block into one buffer, which the next call overwrites. */
export class ContentWriter {
  readonly #block: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(seed: number, lengthBytes = BLOCK_BYTES) {
    const pages = Math.min(PAGES_PER_BLOCK, Math.ceil(lengthBytes / PAGE_BYTES));
    this.#block = new Uint8Array(Math.max(1, pages) * PAGE_BYTES);
    this.#view = new DataView(this.#block.buffer);
    fillRandomly(this.#view, seed);
  }

  /** Block `index`, valid until the next call. */
  block(index: number): Uint8Array<ArrayBuffer> {
    for (let page = 0; page * PAGE_BYTES < this.#block.length; page++) {
      this.#view.setUint32(page * PAGE_BYTES, 0x62797061);
      this.#view.setUint32(page * PAGE_BYTES + 4, index * PAGES_PER_BLOCK + page);
    }
    return this.#block;
  }
}

/** Sees whether the pages of a stream come in order; fed with pieces of any size. */
export class PageChecker {
  readonly #head = new Uint8Array(8);
  readonly #view = new DataView(this.#head.buffer);
  #offset = 0;
  /** Pages whose number is not the one that belongs there. */
  misplaced = 0;

  update(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const inPage = (this.#offset + at) % PAGE_BYTES;
      if (inPage < 8) {
        this.#head[inPage] = bytes[at] as number;
        if (inPage === 7) this.#check(Math.floor((this.#offset + at) / PAGE_BYTES));
        at++;
      } else {
        at += PAGE_BYTES - inPage;
      }
    }
    this.#offset += bytes.length;
  }

  #check(page: number): void {
    if (this.#view.getUint32(0) !== 0x62797061 || this.#view.getUint32(4) !== page) {
      this.misplaced++;
    }
  }
}

/** Writes `lengthBytes` of content through `write`, piece by piece. */
export async function writeContent(
  seed: number,
  lengthBytes: number,
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void> | void,
): Promise<void> {
  const content = new ContentWriter(seed, lengthBytes);
  for (let index = 0, left = lengthBytes; left > 0; index++) {
    const block = content.block(index);
    await write(left < block.length ? block.subarray(0, left) : block);
    left -= block.length;
  }
}

const hashes = new Map<string, Promise<string>>();

/** SHA-256 of the content, in hex; computed once for each seed and length. */
export function contentHash(seed: number, lengthBytes: number): Promise<string> {
  const key = `${seed}/${lengthBytes}`;
  const known = hashes.get(key) ?? (async () => {
    const hash = createHash("sha256");
    await writeContent(seed, lengthBytes, (bytes) => void hash.update(bytes));
    return hash.digest("hex");
  })();
  hashes.set(key, known);
  return known;
}

/** xorshift32 (Marsaglia 2003): fast, and the same everywhere. */
export function fillRandomly(view: DataView, seed: number): void {
  let state = (seed ^ 0x9e3779b9) | 0 || 1;
  for (let at = 0; at + 4 <= view.byteLength; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    view.setInt32(at, state);
  }
}
