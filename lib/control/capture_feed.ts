/**
 * Captured packets on their way from a daemon's main thread to whoever looks at them.
 *
 * @module
 */

import { readCaptured } from "../session/capture_record.ts";

/** What became of the packets that a capture saw. */
export interface CaptureCounts {
  readonly captured: number;
  /** The filter did not want them. */
  readonly filtered: number;
  /** Nobody took them in time. */
  readonly lost: number;
}

/** The session that the records' slot and id stand for. */
export interface CapturedSession {
  readonly slot: number;
  readonly id: number;
  readonly session: string;
  readonly service: string;
}

/** Some packets, and what their records do not say. */
export interface CaptureBatch {
  /** Records (capture_record.ts) in base64. */
  readonly data: string;
  /** Those that no batch before this one had. */
  readonly sessions: readonly CapturedSession[];
  readonly counts: CaptureCounts;
}

/** Where packets are captured, by name: the sources and outputs that records number. */
export interface CaptureLinks {
  readonly sources: readonly string[];
  readonly outputs: readonly string[];
}

/** A capture that goes on. */
export interface CaptureSource {
  take(mostBytes: number): Uint8Array<ArrayBuffer>;
  readonly counts: CaptureCounts;
}

/** Sessions that a batch names at most; the others are not named. */
const MAX_SESSIONS = 500;

/** Cuts what was captured into batches. */
export class CaptureFeed {
  readonly #source: CaptureSource;
  readonly #nameOf: (slot: number, id: number) => { session: string; service: string } | null;
  /** By slot: the session that was named last. */
  readonly #named = new Map<number, string>();

  constructor(
    source: CaptureSource,
    nameOf: (slot: number, id: number) => { session: string; service: string } | null,
  ) {
    this.#source = source;
    this.#nameOf = nameOf;
  }

  /** At most so many bytes of records, unless a single one is longer; maybe none. */
  next(mostBytes: number): { readonly batch: CaptureBatch; readonly bytes: number } {
    const records = this.#source.take(mostBytes);
    const sessions = this.#sessionsOf(records);
    const { captured, filtered, lost } = this.#source.counts;
    const counts = { captured, filtered, lost };
    return { batch: { data: records.toBase64(), sessions, counts }, bytes: records.length };
  }

  #sessionsOf(records: Uint8Array): CapturedSession[] {
    const sessions: CapturedSession[] = [];
    const seen = new Set<string>();
    for (const { slot, id } of readCaptured(records)) {
      const key = `${slot} ${id}`;
      if (slot === 0 || sessions.length === MAX_SESSIONS || seen.has(key)) continue;
      seen.add(key);
      const name = this.#nameOf(slot, id);
      if (name === null) continue;
      const told = `${id} ${name.session} ${name.service}`;
      if (this.#named.get(slot) === told) continue;
      this.#named.set(slot, told);
      sessions.push({ slot, id, ...name });
    }
    return sessions;
  }
}
