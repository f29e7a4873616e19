/**
 * Where captures are asked for by the admin socket, and end: when they are told to, when their time is
 * over, or when whoever reads has gone or no longer reads.
 *
 * ```
 * inspector                                  daemon
 *   {"verb":"capture", ...}  ---------------->
 *        <------------------------------------ {"event":{"kind":"begun", id, places, refused}}
 *        <------------------------------------ {"event":{"kind":"packets", place, batch}}   many
 *        <------------------------------------ {"event":{"kind":"over", place, reason}}     a place has ended
 *   {"verb":"capture-stop", id}  ------------>   on another connection
 *        <------------------------------------ {"ok":true, "result":{places}}
 * ```
 *
 * @module
 */

import { AdminError, type AdminRequest } from "./admin_protocol.ts";
import type { CaptureBatch, CaptureCounts, CaptureLinks } from "./capture_feed.ts";
import type { CapturePlace } from "./capture_place.ts";

export type CaptureEvent =
  | {
    readonly kind: "begun";
    readonly id: string;
    readonly places: readonly { readonly place: string; readonly links: CaptureLinks }[];
    readonly refused: readonly { readonly place: string; readonly reason: string }[];
  }
  | { readonly kind: "packets"; readonly place: string; readonly batch: CaptureBatch }
  | { readonly kind: "over"; readonly place: string; readonly reason: string };

export interface CaptureResult {
  readonly places: readonly { readonly place: string; readonly counts: CaptureCounts }[];
}

/** What may be asked for. */
export interface CaptureRequest {
  readonly filter: string;
  readonly snapBytes: number;
  /** Milliseconds; null: until it is stopped. */
  readonly limitMs: number | null;
  readonly at: readonly string[];
}

export const MIN_SNAP_BYTES = 64;
export const MAX_SNAP_BYTES = 65_536 + 14;
/** More at once would cost too much. */
const MAX_CAPTURES = 4;
const MAX_PLACES = 4096;
/** Whoever reads nothing for so long has gone, or might as well. */
const UNREAD_MS = 30_000;

/** Reads a request of an inspector. @throws {AdminError} */
export function captureRequestOf(request: AdminRequest): CaptureRequest {
  const { filter = "", snapBytes, limitMs = null, at = [] } = request;
  const isRight = typeof filter === "string" &&
    Number.isSafeInteger(snapBytes) && (snapBytes as number) >= MIN_SNAP_BYTES &&
    (snapBytes as number) <= MAX_SNAP_BYTES &&
    (limitMs === null || (Number.isSafeInteger(limitMs) && (limitMs as number) > 0)) &&
    Array.isArray(at) && at.length <= MAX_PLACES && at.every((it) => typeof it === "string");
  if (!isRight) throw new AdminError("Cannot capture: the request is malformed", 2);
  return { filter, snapBytes: snapBytes as number, limitMs: limitMs as number | null, at };
}

/** The captures of a daemon. */
export class CaptureDesk {
  readonly #running = new Map<string, () => void>();

  /** How many go on. */
  get size(): number {
    return this.#running.size;
  }

  /** Ends a capture. @throws {AdminError} when there is none */
  stop(id: unknown): { stopped: true } {
    const stop = this.#running.get(String(id));
    if (stop === undefined) throw new AdminError("There is no such capture any more");
    stop();
    return { stopped: true };
  }

  /** Ends all of them. */
  stopAll(): void {
    for (const stop of this.#running.values()) stop();
  }

  /**
   * Captures at all places, until it is over.
   * @throws {AdminError} when no place can
   */
  async run(
    places: readonly CapturePlace[],
    limitMs: number | null,
    stream: { follow(event: unknown): Promise<void>; readonly signal: AbortSignal },
  ): Promise<CaptureResult> {
    if (this.#running.size >= MAX_CAPTURES) {
      throw new AdminError(`Cannot capture: ${MAX_CAPTURES} captures run already, stop one`);
    }
    const id = crypto.randomUUID();
    const stopped = Promise.withResolvers<void>();
    this.#running.set(id, stopped.resolve);
    stream.signal.addEventListener("abort", () => stopped.resolve());
    const timer = limitMs === null ? undefined : setTimeout(stopped.resolve, limitMs);
    const writer = new EventWriter(stream.follow, stopped.resolve);
    // The reader has to know the places before their packets.
    const ready = Promise.withResolvers<void>();
    const begun: CapturePlace[] = [];
    let live = 0;
    const beginAt = async (place: CapturePlace) => {
      const links = await place.begin({
        batch: async (batch) => {
          await ready.promise;
          await writer.write({ kind: "packets", place: place.name, batch });
        },
        over: (reason) => {
          writer.write({ kind: "over", place: place.name, reason }).catch(() => {});
          if (--live === 0) stopped.resolve();
        },
      });
      live++;
      begun.push(place);
      return { place: place.name, links };
    };
    try {
      const attempts = await Promise.allSettled(places.map(beginAt));
      const told = attempts.flatMap((it) => it.status === "fulfilled" ? [it.value] : []);
      const refused = attempts.flatMap((it, i) =>
        it.status === "rejected"
          ? [{ place: places[i]!.name, reason: (it.reason as Error).message }]
          : []
      );
      if (told.length === 0) {
        throw new AdminError(refused.map(({ reason }) => reason).join("; "));
      }
      await writer.write({ kind: "begun", id, places: told, refused });
      ready.resolve();
      await stopped.promise;
      return { places: await this.#endAll(begun) };
    } finally {
      clearTimeout(timer);
      this.#running.delete(id);
      ready.resolve();
      // Again where it was done already, which does no harm.
      await this.#endAll(begun);
    }
  }

  #endAll(places: readonly CapturePlace[]): Promise<CaptureResult["places"]> {
    return Promise.all(places.map(async (place) => ({
      place: place.name,
      counts: await place.end(),
    })));
  }
}

/** One event after the other, whoever sends them; gives up with the reader. */
class EventWriter {
  readonly #follow: (event: unknown) => Promise<void>;
  readonly #failed: () => void;
  #last: Promise<void> = Promise.resolve();
  hasFailed = false;

  constructor(follow: (event: unknown) => Promise<void>, failed: () => void) {
    this.#follow = follow;
    this.#failed = failed;
  }

  write(event: CaptureEvent): Promise<void> {
    const written = this.#last.then(() => this.#write(event));
    this.#last = written.catch(() => {});
    return written;
  }

  async #write(event: CaptureEvent): Promise<void> {
    if (this.hasFailed) throw new Error("the reader has gone");
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error("the reader does not read")), UNREAD_MS);
    try {
      await Promise.race([this.#follow(event), late]);
    } catch (error) {
      this.hasFailed = true;
      this.#failed();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
