/**
 * What an agent remembers of one instruction and of one NAT machine, and the messages' entries made from it.
 *
 * @module
 */

import {
  type Counters,
  type Instruction,
  type InstructionKey,
  NO_COUNTERS,
  type StoppedEntry,
  type TableEntry,
} from "../control/messages.ts";
import type { InstructionRules, ParsedInstruction } from "./instruction_rules.ts";
import { Tombstones } from "./instruction_tombstones.ts";

/** A NAT machine, by the address under which it is dialled. */
export interface Peer {
  readonly nat: string;
  /** Counts the NAT machines from 0. */
  readonly lease: number;
  readonly tombstones: Tombstones;
  /** Reports of this connection that may still be answered: nonce to time of sending, oldest first. */
  readonly nonces: Map<number, number>;
  /** By session. */
  readonly held: Map<string, Held>;
  /** Those whose counters are news, each once, and some that are gone since. */
  changed: Held[];
  /** Over, but of use to a NAT machine that lost its sessions: by session, oldest first. */
  readonly offers: Map<string, { readonly entry: TableEntry; readonly untilMs: number }>;
  rules: InstructionRules | null;
  epoch: string;
  leaseMs: number;
  /** As the datapath has it. */
  leaseEndMs: number;
  /** As it will be when the datapath has let go of everything that lapsed. Never before `leaseEndMs`. */
  nextLeaseEndMs: number;
  /** How many have lapsed and are still in the datapath. */
  lapsing: number;
  connected: boolean;
  tableSent: boolean;
  /** Goes away with its last instruction. */
  forgotten: boolean;
}

/** An instruction that the datapath may be using. */
export interface Held {
  readonly id: number;
  readonly peer: Peer;
  /** See `matchKey`. */
  readonly key: string;
  readonly epoch: string;
  readonly text: Instruction;
  readonly parsed: ParsedInstruction;
  state: "adding" | "live" | "removing";
  lapsed: boolean;
  /** Why it is removed, when nobody asked for it. */
  reason: string | null;
  counters: Counters;
  /** When `counters` were taken. */
  countedMs: number;
  /** Since the last report: it is in its peer's list. */
  changed: boolean;
  /** A later generation that was asked to stop while this one was held. */
  alsoStopped: number;
  /** What takes its place when the datapath has let go. */
  successor: Successor | null;
}

/** An install that has to wait, with the nonce it came with. */
export interface Successor {
  readonly nonce: number;
  readonly instruction: Instruction;
}

export function newPeer(nat: string, lease: number, capacity: number): Peer {
  return {
    nat,
    lease,
    tombstones: new Tombstones(capacity),
    nonces: new Map(),
    held: new Map(),
    changed: [],
    offers: new Map(),
    rules: null,
    epoch: "",
    leaseMs: 0,
    leaseEndMs: 0,
    nextLeaseEndMs: 0,
    lapsing: 0,
    connected: false,
    tableSent: false,
    forgotten: false,
  };
}

export function newHeld(
  what: Pick<Held, "id" | "peer" | "key" | "text" | "parsed">,
): Held {
  return {
    ...what,
    epoch: what.peer.epoch,
    state: "adding",
    lapsed: false,
    reason: null,
    counters: NO_COUNTERS,
    countedMs: 0,
    changed: false,
    alsoStopped: 0,
    successor: null,
  };
}

/** The counters with an idle time as of now. */
export function countersAt(held: Held, now: number): Counters {
  const { counters, countedMs } = held;
  if (counters.packets === 0) return { ...counters, idleMs: 0 };
  return { ...counters, idleMs: Math.round(Math.max(0, counters.idleMs + now - countedMs)) };
}

export function tableEntry(held: Held, now: number): TableEntry {
  const { session, generation, ...translation } = held.text;
  return { session, generation, epoch: held.epoch, ...translation, ...countersAt(held, now) };
}

/** The answer to a stop of something that is not held. */
export function unknownEntry(key: InstructionKey): StoppedEntry {
  const { session, generation } = key;
  return { session, generation, known: false, reason: null, ...NO_COUNTERS };
}

/** Whether two copies of one generation say the same. */
export function sameContent(a: Instruction, b: Instruction): boolean {
  return a.protocol === b.protocol &&
    a.match.source === b.match.source && a.match.destination === b.match.destination &&
    a.rewrite.source === b.rewrite.source && a.rewrite.destination === b.rewrite.destination &&
    a.pathMtu === b.pathMtu;
}
