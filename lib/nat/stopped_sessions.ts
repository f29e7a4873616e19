import type { DirectPath } from "./direct_paths.ts";

/** What the NAT machine sees of a session that was stopped, besides what it saw then. */
export interface Aftermath {
  /** TCP. Sequence numbers as signed integers. */
  readonly acknowledgement: number;
  readonly natSequence: number;
  readonly clientSequence: number;
  readonly packetsViaNat: number;
}

/** One session whose bypass was stopped for want of progress. */
export interface StoppedSession {
  readonly id: number;
  readonly path: DirectPath;
  readonly isTcp: boolean;
  /** Whether it was counted against the path. */
  readonly counts: boolean;
  readonly stoppedMs: number;
  readonly then: Aftermath;
}

/** `failed`: what did not arrive directly does so via NAT; `arrived`: it had arrived; `unclear`: who knows. */
export type Finding = "failed" | "arrived" | "unclear";

/** After so long without progress via NAT either, it was not the path: the client is gone, as a rule. */
const PATIENCE_MS = 10_000;
/** Errors about what is still under way when a stop is sent do not count. */
const UNDER_WAY_MS = 500;
/** UDP: so long without an error via NAT. */
const QUIET_MS = 3_000;
const CAPACITY = 4096;
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * Sessions that were stopped because nothing arrived: when each may be tried again, and whether it was
 * the direct path. That is shown by what happens next: when the client acknowledges what comes via NAT,
 * but none of what was sent directly, the path is to blame; when it stays silent, it is gone. Pure, and
 * bounded: of too many sessions the oldest are forgotten.
 */
export class StoppedSessions {
  /** By slot. */
  readonly #open = new Map<number, StoppedSession & { erredMs: number }>();
  /** How often each was stopped so far, by id. */
  readonly #tries = new Map<number, number>();

  /** Until when the session is to stay via NAT; longer each time. */
  add(slot: number, session: StoppedSession): number {
    this.#open.delete(slot);
    this.#open.set(slot, { ...session, erredMs: -Infinity });
    trim(this.#open);
    const tries = this.#tries.get(session.id) ?? 0;
    this.#tries.delete(session.id);
    this.#tries.set(session.id, tries + 1);
    trim(this.#tries);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries, 30), LONGEST_PAUSE_MS);
    return session.stoppedMs + pauseMs;
  }

  /** The session has bypassed well for long: its pauses begin small again. */
  forgive(id: number): void {
    this.#tries.delete(id);
  }

  /** A router says of this session that a packet was not delivered. */
  undelivered(slot: number, now: number): void {
    const session = this.#open.get(slot);
    if (session !== undefined) session.erredMs = now;
  }

  /** Is it still to be seen what was to blame? */
  isOpen(slot: number, id: number): boolean {
    return this.#open.get(slot)?.id === id;
  }

  /**
   * To be called a few times a second: tells each session about which something is found, once.
   * @param look null when the session in that slot is another one by now
   */
  check(
    look: (slot: number, id: number) => Aftermath | null,
    found: (session: StoppedSession, finding: Finding) => void,
    now: number,
  ): void {
    for (const [slot, session] of this.#open) {
      const seen = look(slot, session.id);
      const finding = seen === null ? "unclear" : findingOf(session, seen, now);
      if (finding === null) continue;
      this.#open.delete(slot);
      found(session, finding);
    }
  }
}

function findingOf(
  { isTcp, then, stoppedMs, erredMs }: StoppedSession & { erredMs: number },
  seen: Aftermath,
  now: number,
): Finding | null {
  const waitedMs = now - stoppedMs;
  const goesOn = seen.packetsViaNat > then.packetsViaNat;
  if (isTcp) {
    const acknowledged = ahead(seen.acknowledgement, then.acknowledgement) > 0;
    // More than the one byte that a FIN counts.
    if (acknowledged && ahead(seen.acknowledgement, seen.natSequence) > 1) return "arrived";
    const hears = acknowledged || ahead(seen.clientSequence, then.clientSequence) > 0;
    if (goesOn && hears) return "failed";
  } else {
    if (erredMs > stoppedMs + UNDER_WAY_MS) return "unclear";
    if (goesOn && waitedMs >= QUIET_MS) return "failed";
  }
  return waitedMs >= PATIENCE_MS ? "unclear" : null;
}

function ahead(a: number, b: number): number {
  return (a - b) | 0;
}

function trim(map: Map<number, unknown>): void {
  if (map.size <= CAPACITY) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}
