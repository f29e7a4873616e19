import type { CaptureTest } from "../session/capture_filter.ts";
import { type CaptureCounts, CaptureRing, makeCaptureRing } from "./capture_ring.ts";
import type { TapOrder } from "./capture_tap.ts";

/** Room for a quarter of a second of small packets at full speed, or some hundred super-packets. */
const SMALL_RING_BYTES = 4 * 1024 * 1024;
const LARGE_RING_BYTES = 16 * 1024 * 1024;
const SMALL_SNAP_BYTES = 1024;

/** As much of a packet thread as it takes. */
interface Requested {
  request(
    message: { kind: "tap"; order: TapOrder } | { kind: "untap"; id: number },
  ): Promise<unknown>;
}

let nextId = 1;

/** A capture by all packet threads of a daemon, as the main thread sees it. */
export class WorkerCapture {
  readonly #threads: readonly Requested[];
  readonly #id: number;
  readonly #rings: readonly CaptureRing[];
  /** Whose turn it is. */
  #next = 0;

  private constructor(threads: readonly Requested[], orders: readonly TapOrder[]) {
    this.#threads = threads;
    this.#id = orders[0]!.id;
    this.#rings = orders.map(({ ring }) => new CaptureRing(ring));
  }

  /**
   * @param filter resolved
   * @throws {Error} when a thread has ended
   */
  static async begin(
    threads: readonly Requested[],
    { filter, snapBytes }: { filter: CaptureTest | null; snapBytes: number },
  ): Promise<WorkerCapture> {
    const id = nextId++;
    const ringBytes = snapBytes <= SMALL_SNAP_BYTES ? SMALL_RING_BYTES : LARGE_RING_BYTES;
    const orders = threads.map((_, worker): TapOrder => ({
      id,
      ring: makeCaptureRing(ringBytes),
      snapBytes,
      filter,
      worker,
      workers: threads.length,
    }));
    await Promise.all(
      threads.map((thread, worker) => thread.request({ kind: "tap", order: orders[worker]! })),
    );
    return new WorkerCapture(threads, orders);
  }

  /** Records that are there, of one thread after the other, as `CaptureRing.take`. */
  take(mostBytes: number): Uint8Array<ArrayBuffer> {
    let taken = new Uint8Array(0);
    for (let i = 0; i < this.#rings.length && taken.length === 0; i++) {
      taken = this.#rings[this.#next]!.take(mostBytes);
      this.#next = (this.#next + 1) % this.#rings.length;
    }
    return taken;
  }

  get counts(): CaptureCounts {
    const sum = { captured: 0, filtered: 0, lost: 0 };
    for (const { counts } of this.#rings) {
      sum.captured += counts.captured;
      sum.filtered += counts.filtered;
      sum.lost += counts.lost;
    }
    return sum;
  }

  /** Nothing is captured any more; what is in the rings can still be taken. */
  async end(): Promise<void> {
    await Promise.all(
      this.#threads.map((thread) => thread.request({ kind: "untap", id: this.#id })),
    );
  }
}
