import { CaptureFeed, type CaptureSource } from "./capture_feed.ts";
import type { CaptureBatch, CaptureCounts, CaptureLinks } from "./capture_feed.ts";

/** Whoever gets the packets of a place. */
export interface CaptureListener {
  /** Resolves when there may be more. */
  batch(batch: CaptureBatch): Promise<void>;
  /** The place has ended of itself. */
  over(reason: string): void;
}

/** Where packets can be captured: here, or at an agent. */
export interface CapturePlace {
  readonly name: string;
  /** Captures from now on. @throws {Error} when that is not possible */
  begin(listener: CaptureListener): Promise<CaptureLinks>;
  /** Captures no more; resolves when what was captured has been handed over, or given up. */
  end(): Promise<CaptureCounts>;
}

const BATCH_BYTES = 256 * 1024;
/** What this thread spends on handing over is bounded so; what comes faster is lost, and counted. */
const BYTES_PER_SECOND = 64 * 1024 * 1024;
const IDLE_MS = 20;
/** An empty batch now and then shows that the reader has gone. */
const SIGN_MS = 250;

/** Packets of this daemon's own packet thread. */
export class LocalPlace implements CapturePlace {
  readonly name: string;
  readonly #options: LocalPlaceOptions;
  #capture: (CaptureSource & { end(): Promise<void> }) | null = null;
  #pumping: Promise<void> = Promise.resolve();
  #isEnding = false;

  constructor(name: string, options: LocalPlaceOptions) {
    this.name = name;
    this.#options = options;
  }

  async begin(listener: CaptureListener): Promise<CaptureLinks> {
    const capture = await this.#options.begin();
    this.#capture = capture;
    this.#pumping = this.#pump(new CaptureFeed(capture, this.#options.nameOf), listener);
    return this.#options.links;
  }

  async end(): Promise<CaptureCounts> {
    const capture = this.#capture;
    if (capture === null) return { captured: 0, filtered: 0, lost: 0 };
    await capture.end();
    this.#isEnding = true;
    await this.#pumping;
    return capture.counts;
  }

  async #pump(feed: CaptureFeed, listener: CaptureListener): Promise<void> {
    let toldMs = performance.now();
    try {
      for (;;) {
        const isLast = this.#isEnding;
        const { batch, bytes } = feed.next(BATCH_BYTES);
        const now = performance.now();
        if (bytes > 0 || now - toldMs >= SIGN_MS) {
          toldMs = now;
          await listener.batch(batch);
        }
        if (bytes > 0) await pause(isLast ? 0 : bytes / BYTES_PER_SECOND * 1000);
        else if (isLast) return;
        else await pause(IDLE_MS);
      }
    } catch (error) {
      await this.#capture?.end();
      listener.over((error as Error).message);
    }
  }
}

export interface LocalPlaceOptions {
  /** Begins to capture. */
  readonly begin: () => Promise<CaptureSource & { end(): Promise<void> }>;
  readonly links: CaptureLinks;
  readonly nameOf: (slot: number, id: number) => { session: string; service: string } | null;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
