/**
 * Server-Sent Events to all viewers: what changed is put into words once, whatever their number.
 *
 * @module
 */

/** What is sent, by the id of the element that it belongs into. */
export type FeedParts = Readonly<Record<string, string>>;

interface Viewer {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** It was too slow for something: what it has is not what the others have. */
  isBehind: boolean;
}

/** How much may wait for a viewer that is slow before it gets no more. */
const QUEUE_BYTES = 1024 * 1024;

export class LiveFeed {
  readonly #most: number;
  readonly #viewers = new Set<Viewer>();
  readonly #encoder = new TextEncoder();
  readonly #onCount: (viewers: number) => void;
  #parts: FeedParts = {};

  /** @param most viewers at a time. @param onCount told whenever their number changes */
  constructor(most: number, onCount: (viewers: number) => void) {
    this.#most = most;
    this.#onCount = onCount;
  }

  get isFull(): boolean {
    return this.#viewers.size >= this.#most;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Sends everybody what is not as it was. */
  publish(parts: FeedParts): void {
    const before = this.#parts;
    this.#parts = parts;
    const changed = Object.entries(parts).filter(([id, part]) => before[id] !== part);
    if (changed.length === 0) return;
    const news = this.#message(Object.fromEntries(changed));
    let all: Uint8Array | undefined;
    for (const viewer of this.#viewers) {
      const hasRoom = (viewer.controller.desiredSize ?? 0) > 0;
      if (hasRoom) viewer.controller.enqueue(viewer.isBehind ? all ??= this.#message(parts) : news);
      viewer.isBehind = !hasRoom;
    }
  }

  /** The stream of one more viewer; it begins with everything. */
  join(): ReadableStream<Uint8Array> {
    let viewer: Viewer;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        viewer = { controller, isBehind: false };
        this.#viewers.add(viewer);
        this.#onCount(this.#viewers.size);
        controller.enqueue(this.#message(this.#parts));
      },
      cancel: () => this.#leave(viewer),
    }, { highWaterMark: QUEUE_BYTES, size: (chunk) => chunk.length });
  }

  /** Nobody sees any more. */
  close(): void {
    for (const viewer of this.#viewers) {
      viewer.controller.close();
      this.#leave(viewer);
    }
  }

  #leave(viewer: Viewer): void {
    if (this.#viewers.delete(viewer)) this.#onCount(this.#viewers.size);
  }

  /** HTML Living Standard, section 9.2. JSON has no line breaks of its own. */
  #message(parts: FeedParts): Uint8Array {
    return this.#encoder.encode(`event: parts\ndata: ${JSON.stringify(parts)}\n\n`);
  }
}
