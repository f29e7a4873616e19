/**
 * What the NAT machine remembers of one instruction, and what it tells about it.
 *
 * @module
 */

import type { Counters, Instruction } from "../control/messages.ts";

/** What to install: an instruction that has no generation yet. */
export type InstructionEntry = Omit<Instruction, "generation">;

/** `sent`: the agent has not answered yet; it may translate or not. */
export type InstructionState = "sent" | "installed" | "stopping";

/**
 * Why an instruction ended. `stopped`: the agent says so; `refused`: it never was; `restarted`: the agent is a new
 * process; `missing`: after a reconnect the agent does not hold it; `lapsed`: its lease ran out.
 */
export type EndCause = "stopped" | "refused" | "restarted" | "missing" | "lapsed";

/** What the agent counted so far, from the start of this generation. */
export interface BookCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly fin: boolean;
  readonly rst: boolean;
  /** See `Counters` of the messages. */
  readonly sequence: number | null;
  readonly resent: number;
  readonly resentAgain: number;
  /** Time of the last packet by this machine's clock; null when there was none. */
  readonly lastUsedMs: number | null;
}

/** Something about one instruction changed. */
export type BookEvent =
  & {
    readonly agent: string;
    readonly session: string;
    readonly generation: number;
    /** What `install` was given. */
    readonly tag: number;
    readonly counters: BookCounters;
  }
  & (
    | { readonly kind: "installed" | "counters" }
    | { readonly kind: "ended"; readonly cause: EndCause; readonly reason: string }
  );

/** One instruction as people see it. */
export interface InstructionView extends InstructionEntry {
  readonly generation: number;
  readonly state: InstructionState;
  /** Empty: known from before this process, and no agent has claimed it yet. */
  readonly agent: string;
  readonly tag: number;
  /** What is left of the agent's lease, in milliseconds. */
  readonly leaseMs: number;
  readonly counters: BookCounters;
}

/** An agent as the book knows it. */
export interface BookAgent {
  readonly name: string;
  instance: string;
  connected: boolean;
  /** Of the newest report on this connection. */
  nonce: number | null;
  /** Until then the agent may translate, by this machine's clock and with the margin. */
  leaseEndMs: number;
  readonly records: Set<InstructionRecord>;
}

/** One generation of one session's instruction. */
export interface InstructionRecord {
  readonly entry: InstructionEntry;
  readonly generation: number;
  readonly tag: number;
  agent: BookAgent;
  state: InstructionState;
  stopReason: string;
  counters: BookCounters;
  /** When to send again what was not answered, and the pause after that. */
  retryAtMs: number;
  retryPauseMs: number;
}

/** Counters of an instruction that nobody used yet. */
export const UNUSED: BookCounters = {
  packets: 0,
  bytes: 0,
  fin: false,
  rst: false,
  sequence: null,
  resent: 0,
  resentAgain: 0,
  lastUsedMs: null,
};

/** Takes over what the agent says, wherever it goes forward; returns false when nothing changed. */
export function mergeCounters(record: InstructionRecord, news: Counters, now: number): boolean {
  const old = record.counters;
  // A report that was overtaken, or counters that wrapped.
  if (news.packets < old.packets || news.bytes < old.bytes) return false;
  const changed = news.packets > old.packets || news.bytes > old.bytes ||
    (news.fin && !old.fin) || (news.rst && !old.rst) || news.sequence !== old.sequence;
  if (!changed) return false;
  record.counters = {
    packets: news.packets,
    bytes: news.bytes,
    fin: old.fin || news.fin,
    rst: old.rst || news.rst,
    sequence: news.sequence ?? old.sequence,
    resent: Math.max(old.resent, news.resent ?? 0),
    resentAgain: Math.max(old.resentAgain, news.resentAgain ?? 0),
    lastUsedMs: news.packets > 0 ? Math.max(old.lastUsedMs ?? -Infinity, now - news.idleMs) : null,
  };
  return true;
}

/** Whether the agent holds just this, according to its table. */
export function sameInstruction(entry: InstructionEntry, held: InstructionEntry): boolean {
  return entry.protocol === held.protocol &&
    entry.match.source === held.match.source &&
    entry.match.destination === held.match.destination &&
    entry.rewrite.source === held.rewrite.source &&
    entry.rewrite.destination === held.rewrite.destination &&
    entry.pathMtu === held.pathMtu;
}
