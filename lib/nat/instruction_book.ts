/**
 * What the NAT machine knows of the instructions at its agents. Pure: time and sending are arguments.
 *
 * ```
 *            install()               installed
 *   (none) ------------> sent ---------------------> installed
 *                          |                             |
 *                          | stop()                      | stop()
 *                          +---------> stopping <--------+
 *                                          |
 *       stopped, refused, new instance, missing after a reconnect, or lease over (from any state)
 *                                          v
 *                                        ended    reported once, then forgotten
 * ```
 *
 * The one promise: `ended` is reported only when the agent can no longer translate with that instruction, whatever was
 * lost, doubled or late on the way. So an instruction that was sent counts as installed until proven otherwise, and
 * without proof it ends with its lease. The agent counts its lease from the sending of a heartbeat; this side counts
 * from the sending of the grant that answers it, which is always later, plus a margin for clocks of different rates.
 * Until `ended` the session's NAT endpoint belongs to that session.
 *
 * A machine that starts with an empty session table knows nothing of what its predecessor sent: it must not give out
 * NAT endpoints for `leaseMs + marginMs`, or must know that no agent was about.
 *
 * @module
 */

import {
  type AgentMessage,
  inBatches,
  type Installed,
  type InstructionKey,
  type NatMessage,
  type Report,
  type Stopped,
  type TableEntry,
} from "../control/messages.ts";
import {
  type BookAgent,
  type BookEvent,
  type EndCause,
  type InstructionEntry,
  type InstructionRecord,
  type InstructionState,
  type InstructionView,
  mergeCounters,
  sameInstruction,
  UNUSED,
} from "./instruction_record.ts";

export type { BookCounters, BookEvent, EndCause } from "./instruction_record.ts";
export type { InstructionEntry, InstructionState, InstructionView } from "./instruction_record.ts";

/** Pause before a stop that was not answered is sent again; doubles up to `STOP_LONGEST_MS`. */
const STOP_FIRST_MS = 50;
const STOP_LONGEST_MS = 1000;
/** Likewise for an install; after the pause that exceeds `INSTALL_LONGEST_MS` it is stopped instead. */
const INSTALL_FIRST_MS = 1000;
const INSTALL_LONGEST_MS = 4000;

/** All times in milliseconds of one clock that goes on while the machine sleeps. */
export interface BookOptions {
  /** Names the session table: instructions of another epoch are not this book's. */
  readonly epoch: string;
  readonly leaseMs: number;
  /** What clocks may differ by within one lease, and what a packet may take on its way out of the agent. */
  readonly marginMs: number;
  /** Higher than every generation ever sent in this epoch. */
  readonly firstGeneration: number;
  /** Sends to that agent's connection, at once. Does nothing when there is none. */
  send(agent: string, message: NatMessage): void;
  /** May call the book again. */
  changed(event: BookEvent): void;
}

/** The instructions of one NAT machine. */
export class InstructionBook {
  readonly #options: BookOptions;
  readonly #agents = new Map<string, BookAgent>();
  /** By session; a session has one instruction at most. */
  readonly #records = new Map<string, InstructionRecord>();
  /** Those that wait for an answer. */
  readonly #waiting = new Set<InstructionRecord>();
  /** Keeps what was restored until its agent comes. */
  readonly #absent: BookAgent = newAgent("", "");
  #generation: number;
  #leaseMs: number;

  constructor(options: BookOptions) {
    this.#options = options;
    this.#generation = options.firstGeneration;
    this.#leaseMs = options.leaseMs;
  }

  /** How many instructions have not ended. */
  get size(): number {
    return this.#records.size;
  }

  /** How many of them are an agent's. */
  countOf(agent: string): number {
    return this.#agents.get(agent)?.records.size ?? 0;
  }

  /** The generation that the next instruction gets. */
  get nextGeneration(): number {
    return this.#generation;
  }

  /**
   * Sends an instruction and returns its generation. Returns 0, and does nothing, when the agent cannot take one now
   * (not connected, or not heard of for a lease), or the session's last instruction has not ended yet.
   * Every generation returned is reported as ended exactly once.
   */
  install(agentName: string, entry: InstructionEntry, tag: number, now: number): number {
    const agent = this.#agents.get(agentName);
    if (!agent?.connected || agent.nonce === null || now >= agent.leaseEndMs) return 0;
    if (this.#records.has(entry.session)) return 0;
    const record = newRecord(agent, entry, this.#generation++, tag);
    this.#keep(record);
    this.#sendInstall(record, agent.nonce);
    this.#wait(record, now, INSTALL_FIRST_MS);
    return record.generation;
  }

  /** Asks the agent to stop, now and again until it has answered. Does nothing for a session without instruction. */
  stop(session: string, now: number, reason = "as asked"): void {
    const record = this.#records.get(session);
    if (record && record.state !== "stopping") this.#stop(record, now, reason);
  }

  /**
   * Takes over an instruction that an earlier process of this machine sent, in the same epoch. It counts as what it
   * was until its agent has connected and said otherwise, or its lease is over. One that was only sent is reported as
   * installed when an agent turns out to hold it: the answer went to the earlier process, or nowhere.
   */
  restore(
    entry: InstructionEntry,
    options: {
      generation: number;
      tag: number;
      state: InstructionState;
      /** What the earlier process granted, when that is longer than this one's. */
      leaseMs?: number;
      now: number;
    },
  ): void {
    const { generation, tag, state, leaseMs = 0, now } = options;
    if (this.#records.has(entry.session)) return;
    const record = newRecord(this.#absent, entry, generation, tag);
    record.state = state;
    this.#keep(record);
    if (state === "stopping") this.#wait(record, now, STOP_FIRST_MS);
    this.#generation = Math.max(this.#generation, generation + 1);
    // The last grant was sent before this process began.
    const longest = Math.max(leaseMs, this.#leaseMs);
    this.#absent.leaseEndMs = now + longest + this.#options.marginMs;
  }

  /**
   * An agent has connected and sent its whole table: whatever differs is mended. Returns what it held for another epoch
   * and no longer translates: sessions that may be rebuilt. They are offered again until the first report.
   */
  agentConnected(
    name: string,
    options: {
      instance: string;
      table: readonly TableEntry[];
      now: number;
      /** The process before this one may not have ended, though it is another one. Default: it has. */
      predecessorLives?: boolean;
    },
  ): TableEntry[] {
    const { instance, table, now, predecessorLives = false } = options;
    const agent = this.#agents.get(name) ?? newAgent(name, instance);
    this.#agents.set(name, agent);
    if (agent.instance !== instance) {
      if (predecessorLives) this.#disown(agent);
      else this.#endAll(agent, "restarted", "the agent was started anew");
      agent.instance = instance;
    }
    agent.connected = true;
    agent.nonce = null;
    const unknown: InstructionKey[] = [];
    const held = new Set<InstructionRecord>();
    for (const entry of table) {
      if (entry.epoch !== this.#options.epoch) continue;
      const record = this.#claimed(agent, entry);
      if (!record) {
        unknown.push({ session: entry.session, generation: entry.generation });
        continue;
      }
      held.add(record);
      mergeCounters(record, entry, now);
      if (!sameInstruction(record.entry, entry)) record.state = "stopping";
      if (record.state === "sent") this.#installed(record);
    }
    const stops: InstructionRecord[] = [];
    for (const record of [...agent.records]) {
      if (!held.has(record)) this.#end(record, "missing", "the agent does not hold it");
      else if (record.state === "stopping") stops.push(record);
    }
    this.#sendStops(agent, [...stops.map(keyOf), ...unknown]);
    for (const record of stops) this.#wait(record, now, STOP_FIRST_MS);
    return table.filter((entry) => entry.epoch !== this.#options.epoch);
  }

  /** The agent's connection is gone; its instructions live on for their lease. */
  agentLost(name: string): void {
    const agent = this.#agents.get(name);
    if (!agent) return;
    agent.connected = false;
    agent.nonce = null;
  }

  /** Something that a connected agent sent after its table. */
  message(name: string, message: AgentMessage, now: number): void {
    const agent = this.#agents.get(name);
    if (!agent?.connected) return;
    if (message.type === "installed") this.#onInstalled(agent, message);
    else if (message.type === "stopped") this.#onStopped(agent, message, now);
    else if (message.type === "report") this.#onReport(agent, message, now);
  }

  /** To be called a few times a second at least: sends again what was not answered, ends what has lapsed. */
  tick(now: number): void {
    for (const agent of [...this.#agents.values(), this.#absent]) {
      if (now >= agent.leaseEndMs) this.#endAll(agent, "lapsed", "its lease is over");
    }
    const stops = new Map<BookAgent, InstructionKey[]>();
    for (const record of [...this.#waiting]) {
      const { agent } = record;
      if (now < record.retryAtMs || !agent.connected) continue;
      if (record.state === "sent" && 2 * record.retryPauseMs > INSTALL_LONGEST_MS) {
        this.#stop(record, now, "the agent did not answer");
      } else if (record.state === "sent") {
        if (agent.nonce !== null) this.#sendInstall(record, agent.nonce);
        this.#wait(record, now, 2 * record.retryPauseMs);
      } else {
        const keys = stops.get(agent) ?? [];
        stops.set(agent, keys);
        keys.push(keyOf(record));
        this.#wait(record, now, Math.min(2 * record.retryPauseMs, STOP_LONGEST_MS));
      }
    }
    for (const [agent, keys] of stops) this.#sendStops(agent, keys);
  }

  /** From now on agents are granted this; those that are connected have learnt it, or their connections are ended. */
  setLease(leaseMs: number): void {
    this.#leaseMs = leaseMs;
  }

  /** The instruction of a session, or null when it has none that could be in force. */
  state(session: string, now: number): InstructionView | null {
    const record = this.#records.get(session);
    return record ? this.#view(record, now) : null;
  }

  /** Every instruction that has not ended. */
  *instructions(now: number): Generator<InstructionView> {
    for (const record of this.#records.values()) yield this.#view(record, now);
  }

  #onInstalled(agent: BookAgent, message: Installed): void {
    const unknown: InstructionKey[] = [];
    for (const key of message.entries) {
      const record = this.#find(agent, key);
      if (!record) unknown.push(key);
      else if (record.state === "sent") this.#installed(record);
    }
    this.#sendStops(agent, unknown);
    for (const refusal of message.refused) {
      const record = this.#find(agent, refusal);
      if (record) this.#end(record, "refused", `${refusal.reason}: ${refusal.detail}`);
    }
  }

  #onStopped(agent: BookAgent, message: Stopped, now: number): void {
    for (const entry of message.entries) {
      const record = this.#find(agent, entry);
      if (!record) continue;
      if (entry.known) mergeCounters(record, entry, now);
      this.#end(record, "stopped", entry.reason ?? record.stopReason);
    }
  }

  #onReport(agent: BookAgent, message: Report, now: number): void {
    agent.nonce = Math.max(agent.nonce ?? 0, message.nonce);
    const { marginMs } = this.#options;
    agent.leaseEndMs = Math.max(agent.leaseEndMs, now + this.#leaseMs + marginMs);
    this.#options.send(agent.name, { type: "grant", nonce: message.nonce });
    const unknown: InstructionKey[] = [];
    for (const entry of message.entries) {
      const record = this.#find(agent, entry);
      if (!record) unknown.push({ session: entry.session, generation: entry.generation });
      else if (mergeCounters(record, entry, now)) this.#emit(record, { kind: "counters" });
    }
    // Of a session that has just ended, as a rule: the second stop does no harm.
    this.#sendStops(agent, unknown);
  }

  /** The record that an entry of the agent's table is about, also of before this process. */
  #claimed(agent: BookAgent, entry: TableEntry): InstructionRecord | undefined {
    const record = this.#records.get(entry.session);
    if (record?.generation !== entry.generation) return undefined;
    if (record.agent === this.#absent) {
      this.#absent.records.delete(record);
      agent.records.add(record);
      agent.leaseEndMs = Math.max(agent.leaseEndMs, this.#absent.leaseEndMs);
      record.agent = agent;
    }
    return record.agent === agent ? record : undefined;
  }

  /** An agent has a say only in its own instructions, and only in the generation that counts. */
  #find(agent: BookAgent, key: InstructionKey): InstructionRecord | undefined {
    const record = this.#records.get(key.session);
    return record?.agent === agent && record.generation === key.generation ? record : undefined;
  }

  #installed(record: InstructionRecord): void {
    record.state = "installed";
    this.#waiting.delete(record);
    this.#emit(record, { kind: "installed" });
  }

  #stop(record: InstructionRecord, now: number, reason: string): void {
    record.state = "stopping";
    record.stopReason = reason;
    this.#wait(record, now, STOP_FIRST_MS);
    if (record.agent.connected) this.#sendStops(record.agent, [keyOf(record)]);
  }

  #keep(record: InstructionRecord): void {
    this.#records.set(record.entry.session, record);
    record.agent.records.add(record);
  }

  #wait(record: InstructionRecord, now: number, pauseMs: number): void {
    record.retryAtMs = now + pauseMs;
    record.retryPauseMs = pauseMs;
    this.#waiting.add(record);
  }

  #end(record: InstructionRecord, cause: EndCause, reason: string): void {
    this.#records.delete(record.entry.session);
    record.agent.records.delete(record);
    this.#waiting.delete(record);
    this.#emit(record, { kind: "ended", cause, reason });
  }

  /** Nobody can answer for these any more, and somebody may still follow them: only their lease ends them. */
  #disown(agent: BookAgent): void {
    for (const record of agent.records) {
      record.agent = this.#absent;
      this.#absent.records.add(record);
    }
    agent.records.clear();
    this.#absent.leaseEndMs = Math.max(this.#absent.leaseEndMs, agent.leaseEndMs);
  }

  #endAll(agent: BookAgent, cause: EndCause, reason: string): void {
    for (const record of [...agent.records]) this.#end(record, cause, reason);
  }

  #sendInstall(record: InstructionRecord, nonce: number): void {
    const { entry, generation, agent } = record;
    const { session, ...translation } = entry;
    this.#options.send(agent.name, {
      type: "install",
      nonce,
      entries: [{ session, generation, ...translation }],
    });
  }

  #sendStops(agent: BookAgent, keys: readonly InstructionKey[]): void {
    for (const entries of inBatches(keys)) {
      this.#options.send(agent.name, { type: "stop", entries });
    }
  }

  #emit(
    record: InstructionRecord,
    what: { kind: "installed" | "counters" } | { kind: "ended"; cause: EndCause; reason: string },
  ): void {
    const { entry, generation, tag, counters, agent } = record;
    const about = { agent: agent.name, session: entry.session, generation, tag, counters };
    this.#options.changed(
      what.kind === "ended" ? { ...what, ...about } : { ...about, kind: what.kind },
    );
  }

  #view(record: InstructionRecord, now: number): InstructionView {
    const { entry, generation, state, agent, tag, counters } = record;
    const leaseMs = Math.max(0, agent.leaseEndMs - this.#options.marginMs - now);
    return { ...entry, generation, state, agent: agent.name, tag, leaseMs, counters };
  }
}

function newAgent(name: string, instance: string): BookAgent {
  return {
    name,
    instance,
    connected: false,
    nonce: null,
    leaseEndMs: -Infinity,
    records: new Set(),
  };
}

function newRecord(
  agent: BookAgent,
  entry: InstructionEntry,
  generation: number,
  tag: number,
): InstructionRecord {
  return {
    agent,
    entry,
    generation,
    tag,
    state: "sent",
    stopReason: "as asked",
    counters: UNUSED,
    retryAtMs: Infinity,
    retryPauseMs: 0,
  };
}

function keyOf(record: InstructionRecord): InstructionKey {
  return { session: record.entry.session, generation: record.generation };
}
