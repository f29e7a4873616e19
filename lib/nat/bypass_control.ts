import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import { F64, FLAG, HEADER_F64, HOLD_NONE, I32, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import { REASON, reasonText } from "../session/path_reason.ts";
import type { SessionRecords } from "../session/session_table.ts";
import { formatSessionId, parseSessionId } from "../session/session_id.ts";
import { SessionViewer, usedSlots } from "../session/session_view.ts";
import { STATE, TCP_FIN, TCP_RST } from "../session/tcp_state.ts";
import { formatEndpoint } from "../wire/address.ts";
import { protocolName } from "../wire/protocol.ts";
import type { BookEvent, InstructionBook, InstructionEntry } from "./instruction_book.ts";
import { type BypassTarget, namesServer, type OperatorState } from "./operator_state.ts";
import { COMMAND } from "./worker_protocol.ts";

/** What an agent says of itself, as far as decisions need it. */
export interface AgentState {
  readonly name: string;
  readonly able: boolean;
}

export interface BypassControlOptions {
  readonly records: SessionRecords;
  readonly events: EventLog;
  readonly operator: OperatorState;
  readonly config: NatConfig;
  /** The connected agent that speaks for a server (`address:port`), if any. */
  readonly agentFor: (server: string) => AgentState | undefined;
  /** Hands a command to the packet worker; false when it has no room now. */
  readonly command: (command: number, slot: number, id: number, value: number) => boolean;
  /** Boot time, ms. */
  readonly now: () => number;
}

/** Agent flags of a record, as told to the worker so far. */
const SAW_FIN = 1;
const SAW_RST = 2;

/**
 * Decides, session by session, which path responses take, and keeps the main thread's part of each
 * record: when the worker reports that the criteria are met, an instruction goes out unless
 * something speaks against it; what the agents count is written into the table; when an
 * instruction has ended the slot is let go.
 */
export class BypassControl {
  readonly #options: BypassControlOptions;
  readonly #records: SessionRecords;
  readonly #viewer: SessionViewer;
  #services: ReadonlyMap<string, ServiceConfig>;
  #book!: InstructionBook;
  /** Why an instruction is being stopped, by slot: what the session will say afterwards. */
  readonly #stopping = new Map<number, { reason: number; value: number; rearm: boolean }>();
  readonly #waiters = new Set<(event: BookEvent & { kind: "ended" }) => void>();
  /** Commands that found the ring full. */
  readonly #unsent: [number, number, number, number][] = [];

  constructor(options: BypassControlOptions) {
    this.#options = options;
    this.#records = options.records;
    this.#viewer = new SessionViewer(options.records);
    this.#services = servicesByVip(options.config);
  }

  /** The book and this object know each other; called once, before anything else. */
  use(book: InstructionBook): void {
    this.#book = book;
  }

  /**
   * Takes over the instructions that stand in a table left by an earlier process.
   * @param leaseMs the lease that it granted
   */
  restore(leaseMs: number): void {
    const records = this.#records;
    const now = this.#options.now();
    for (const slot of usedSlots(records)) {
      if (records.getU8(slot, U8.hold) === HOLD_NONE) continue;
      const state = records.getU8(slot, U8.instruction);
      if (state === INSTRUCTION.none) {
        // Crossed, and the earlier process came to its end before it decided.
        this.#decline(slot, REASON.restarted, 0);
        this.#rearm(slot);
        continue;
      }
      const over = records.getU8(slot, U8.state) >= STATE.closed;
      const stopping = over || state === INSTRUCTION.stopping;
      this.#book.restore(this.#entry(slot), {
        generation: records.getU32(slot, I32.generation),
        tag: slot,
        stopping,
        leaseMs,
        now,
      });
      if (stopping) {
        records.setU8(slot, U8.instruction, INSTRUCTION.stopping);
        this.#stopping.set(slot, { reason: REASON.restarted, value: 0, rearm: !over });
      }
    }
  }

  /** Another configuration is in force: what it does not allow any more is stopped. */
  configure(config: NatConfig): void {
    const before = this.#services;
    this.#services = servicesByVip(config);
    for (const { tag: slot } of this.#book.instructions(this.#options.now())) {
      const key = this.#serviceKey(slot);
      const service = this.#services.get(key);
      const server = this.#server(slot);
      const allowed = service !== undefined && service.bypass.start.never !== true &&
        sameCriteria(service, before.get(key)) &&
        service.servers.some((s) => formatEndpoint(s.address) === server);
      if (!allowed) this.#stop(slot, REASON.policyChanged, 0, true);
    }
    for (const slot of usedSlots(this.#records)) this.#rearm(slot);
  }

  /** The worker: this session meets the start criteria. */
  crossed(slot: number, id: number, reason: number, value: number): void {
    const records = this.#records;
    if (records.getF64(slot, F64.id) !== id) return;
    const server = this.#server(slot);
    const service = this.#services.get(this.#serviceKey(slot));
    const session = this.#session(slot);
    if (this.#options.operator.stops(session, service?.name ?? "", server)) {
      return this.#decline(slot, REASON.operator, 0);
    }
    if (this.#options.operator.drains(server)) return this.#decline(slot, REASON.draining, 0);
    const agent = this.#options.agentFor(server);
    if (agent === undefined) return this.#decline(slot, REASON.noAgent, 0);
    if (!agent.able) return this.#decline(slot, REASON.agentUnable, 0);
    const now = this.#options.now();
    const generation = this.#book.install(agent.name, this.#entry(slot), slot, now);
    if (generation === 0) return this.#decline(slot, REASON.noAgent, 0);
    // The next process must go on above every generation ever sent.
    records.headerF64[HEADER_F64.generation] = this.#book.nextGeneration;
    records.setI32(slot, I32.generation, generation);
    records.setF64(slot, F64.basePackets, records.getF64(slot, F64.packetsViaBypass));
    records.setF64(slot, F64.baseBytes, records.getF64(slot, F64.bytesViaBypass));
    records.setU8(slot, U8.agentFlags, 0);
    this.#reason(slot, reason, value);
    records.setU8(slot, U8.instruction, INSTRUCTION.sent);
  }

  /** The worker: a session with an instruction is over. */
  ended(slot: number, id: number): void {
    if (this.#records.getF64(slot, F64.id) !== id) return;
    if (this.#records.getU8(slot, U8.instruction) === INSTRUCTION.none) return;
    this.#stop(slot, REASON.sessionOver, 0, false);
  }

  /**
   * The worker: the path to this session's client carries less than was thought. An instruction in force
   * is stopped, and the criteria, which are met, send the next one with what is known now. Meanwhile the
   * worker makes the segments smaller itself.
   */
  pathMtuChanged(slot: number, id: number): void {
    if (this.#records.getF64(slot, F64.id) !== id) return;
    const instruction = this.#book.state(this.#session(slot), this.#options.now());
    if (instruction !== null) this.#followPathMtu(slot, instruction.pathMtu);
  }

  /** The book: something about an instruction changed. */
  changed(event: BookEvent): void {
    const slot = event.tag;
    this.#count(event);
    if (event.kind === "installed") {
      this.#records.setU8(slot, U8.instruction, INSTRUCTION.installed);
      this.#log("bypass-started", slot, { generation: event.generation, agent: event.agent });
    } else if (event.kind === "ended") {
      this.#end(event);
    }
  }

  /** An agent has become able to bypass: the criteria decide again for its sessions. */
  reconsider(speaksFor: (server: string) => boolean): void {
    const concerned = this.#bySlot(speaksFor);
    for (const slot of usedSlots(this.#records)) if (concerned(slot)) this.#rearm(slot);
  }

  /** Stops every instruction whose server satisfies `concerns`. */
  stopServers(concerns: (server: string) => boolean, reason: number): void {
    const concerned = this.#bySlot(concerns);
    for (const { tag: slot } of this.#book.instructions(this.#options.now())) {
      if (concerned(slot)) this.#stop(slot, reason, 0, true);
    }
  }

  /**
   * Stops the bypass of sessions that the target names, now and for as long as the operator says.
   * @returns once each concerned agent has acknowledged: how many sessions; `unacknowledged` names
   *   the agents that have not done so within `timeoutMs`
   */
  async operatorStop(
    target: BypassTarget,
    timeoutMs: number,
  ): Promise<{ stopped: number; unacknowledged: string[] }> {
    this.#options.operator.stop(target);
    const open = new Map<string, string>();
    for (const view of this.#book.instructions(this.#options.now())) {
      if (!this.#concerns(view.tag, target)) continue;
      open.set(`${view.session} ${view.generation}`, view.agent || "an agent not connected yet");
      this.#stop(view.tag, REASON.operator, 0, false);
    }
    for (const slot of usedSlots(this.#records)) {
      const idle = this.#records.getU8(slot, U8.instruction) === INSTRUCTION.none;
      if (idle && !this.#over(slot) && this.#concerns(slot, target)) {
        this.#reason(slot, REASON.operator, 0);
      }
    }
    const concerned = open.size;
    const missed: string[] = [];
    await this.#allEnded(open, missed, timeoutMs);
    return {
      stopped: concerned,
      unacknowledged: [...new Set([...open.values(), ...missed])],
    };
  }

  /**
   * Takes an operator's stop back: the criteria decide again.
   * @returns for how many sessions; `held`: how many another stop keeps via NAT
   */
  operatorStart(target: BypassTarget): { sessions: number; held: number } {
    const { operator } = this.#options;
    operator.start(target);
    const count = { sessions: 0, held: 0 };
    for (const slot of usedSlots(this.#records)) {
      if (this.#over(slot) || !this.#concerns(slot, target)) continue;
      const service = this.#services.get(this.#serviceKey(slot))?.name ?? "";
      if (operator.stops(this.#session(slot), service, this.#server(slot))) {
        count.held++;
        continue;
      }
      if (this.#records.getU8(slot, U8.reason) === REASON.operator) count.sessions++;
      this.#rearm(slot);
    }
    return count;
  }

  /** The slot of a session that lives, or 0. */
  find(session: string): number {
    const id = parseSessionId(this.#records.epoch, session);
    if (id === null) return 0;
    for (const slot of usedSlots(this.#records)) {
      if (
        this.#records.getF64(slot, F64.id) === id &&
        this.#records.getU8(slot, U8.state) !== STATE.quarantine
      ) return slot;
    }
    return 0;
  }

  /**
   * To be called every second: stops what has been idle or says a path MTU that is no longer true, sends
   * what found the ring full.
   */
  tick(): void {
    let sent = 0;
    while (sent < this.#unsent.length && this.#options.command(...this.#unsent[sent]!)) sent++;
    // All at once: each shift() of a long array moves the whole of it.
    this.#unsent.splice(0, sent);
    const now = this.#options.now();
    for (const { tag: slot, state, pathMtu } of this.#book.instructions(now)) {
      this.#followPathMtu(slot, pathMtu);
      const idleMs = this.#services.get(this.#serviceKey(slot))?.bypass.stop.idleMs;
      if (idleMs === undefined || state !== "installed") continue;
      if (now - this.#records.lastActivityMs(slot) >= idleMs) {
        this.#stop(slot, REASON.idle, idleMs, true);
      }
    }
  }

  /** Stops the session's instruction when it does not say what the record says. */
  #followPathMtu(slot: number, said: number | undefined): void {
    const pathMtu = this.#records.getU16(slot, U16.pathMtu);
    if (pathMtu !== (said ?? 0)) this.#stop(slot, REASON.pathMtu, pathMtu, true);
  }

  #stop(slot: number, reason: number, value: number, rearm: boolean): void {
    const records = this.#records;
    if (records.getU8(slot, U8.instruction) === INSTRUCTION.stopping) return;
    records.setU8(slot, U8.instruction, INSTRUCTION.stopping);
    this.#stopping.set(slot, { reason, value, rearm });
    if (reason !== REASON.sessionOver) this.#reason(slot, reason, value);
    this.#book.stop(this.#session(slot), this.#options.now(), reasonText(reason, value));
  }

  #end(event: BookEvent & { kind: "ended" }): void {
    const records = this.#records;
    const slot = event.tag;
    const asked = this.#stopping.get(slot);
    this.#stopping.delete(slot);
    const reason = asked?.reason ?? END_REASON[event.cause] ?? REASON.agentLost;
    if (reason !== REASON.sessionOver) this.#reason(slot, reason, asked?.value ?? 0);
    records.setU8(slot, U8.instruction, INSTRUCTION.none);
    this.#log("bypass-stopped", slot, {
      generation: event.generation,
      agent: event.agent,
      why: reasonText(reason, asked?.value ?? 0),
      acknowledged: event.cause,
      packets: event.counters.packets,
      bytes: event.counters.bytes,
    });
    // Last: from here on the worker may use the slot for another session.
    const id = records.getF64(slot, F64.id);
    records.setU8(slot, U8.hold, HOLD_NONE);
    for (const waiter of this.#waiters) waiter(event);
    if (asked === undefined || asked.rearm) this.#command(COMMAND.rearm, slot, id, 0);
  }

  /** Adds what the agent counted to the session. */
  #count({ tag: slot, counters }: BookEvent): void {
    const records = this.#records;
    const packets = records.getF64(slot, F64.basePackets) + counters.packets;
    const bytes = records.getF64(slot, F64.baseBytes) + counters.bytes;
    if (packets > records.getF64(slot, F64.packetsViaBypass)) {
      records.setF64(slot, F64.packetsViaBypass, packets);
    }
    if (bytes > records.getF64(slot, F64.bytesViaBypass)) {
      records.setF64(slot, F64.bytesViaBypass, bytes);
    }
    if ((counters.lastUsedMs ?? 0) > records.getF64(slot, F64.agentSeenMs)) {
      records.setF64(slot, F64.agentSeenMs, counters.lastUsedMs!);
    }
    if (counters.sequence !== null) records.setI32(slot, I32.agentSequence, counters.sequence | 0);
    const flags = (counters.fin ? SAW_FIN : 0) | (counters.rst ? SAW_RST : 0);
    const news = flags & ~records.getU8(slot, U8.agentFlags);
    if (news === 0) return;
    records.setU8(slot, U8.agentFlags, flags);
    const tcpFlags = ((news & SAW_FIN) !== 0 ? TCP_FIN : 0) |
      ((news & SAW_RST) !== 0 ? TCP_RST : 0);
    this.#command(COMMAND.saw, slot, records.getF64(slot, F64.id), tcpFlags);
  }

  /** No instruction for now; the session stays via NAT for this reason. */
  #decline(slot: number, reason: number, value: number): void {
    this.#reason(slot, reason, value);
    this.#records.setU8(slot, U8.instruction, INSTRUCTION.none);
    this.#records.setU8(slot, U8.hold, HOLD_NONE);
  }

  #rearm(slot: number): void {
    const records = this.#records;
    if (records.getU8(slot, U8.hold) !== HOLD_NONE || this.#over(slot)) return;
    const never = this.#services.get(this.#serviceKey(slot))?.bypass.start.never === true;
    const reason = never ? REASON.never : REASON.waiting;
    if (records.getU8(slot, U8.reason) !== reason) this.#reason(slot, reason, 0);
    const armed = (records.getU8(slot, U8.flags) & FLAG.armed) !== 0;
    if (!never && !armed) this.#command(COMMAND.rearm, slot, records.getF64(slot, F64.id), 0);
  }

  /** A session that is over keeps the reason that it had. */
  #over(slot: number): boolean {
    const state = this.#records.getU8(slot, U8.state);
    return state === STATE.closed || state === STATE.quarantine;
  }

  #command(command: number, slot: number, id: number, value: number): void {
    if (this.#unsent.length > 0 || !this.#options.command(command, slot, id, value)) {
      this.#unsent.push([command, slot, id, value]);
    }
  }

  #allEnded(open: Map<string, string>, missed: string[], timeoutMs: number): Promise<void> {
    if (open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      const waiter = (event: BookEvent & { kind: "ended" }) => {
        const key = `${event.session} ${event.generation}`;
        // A lease that ran out is safe, but nobody has acknowledged.
        if (event.cause === "lapsed" && open.has(key)) missed.push(open.get(key)!);
        open.delete(key);
        if (open.size === 0) finish();
      };
      this.#waiters.add(waiter);
    });
  }

  #concerns(slot: number, target: BypassTarget): boolean {
    if (target.all) return true;
    if (target.session !== undefined) return this.#session(slot) === target.session;
    if (target.server !== undefined) return namesServer(target.server, this.#server(slot));
    return this.#services.get(this.#serviceKey(slot))?.name === target.service;
  }

  #reason(slot: number, reason: number, value: number): void {
    this.#records.setReasonValue(slot, value);
    this.#records.setU8(slot, U8.reason, reason);
  }

  #entry(slot: number): InstructionEntry {
    const pathMtu = this.#records.getU16(slot, U16.pathMtu);
    return {
      session: this.#session(slot),
      protocol: this.#protocol(slot),
      match: { source: this.#server(slot), destination: this.#viewer.natText(slot) },
      rewrite: { source: this.#vip(slot), destination: formatEndpoint(this.#viewer.client(slot)) },
      ...(pathMtu !== 0 && { pathMtu }),
    };
  }

  #log(type: string, slot: number, details: Record<string, string | number>): void {
    const records = this.#records;
    this.#options.events.add(type, {
      session: this.#session(slot),
      service: this.#services.get(this.#serviceKey(slot))?.name ?? this.#vip(slot),
      client: formatEndpoint(this.#viewer.client(slot)),
      server: this.#server(slot),
      reason: reasonText(records.getU8(slot, U8.reason), records.getReasonValue(slot)),
      ...details,
    });
  }

  /** A question about servers, asked once for each however many sessions it has. */
  #bySlot(ask: (server: string) => boolean): (slot: number) => boolean {
    const answers = new Map<number, boolean>();
    return (slot) => {
      const server = this.#records.getU16(slot, U16.server);
      const known = answers.get(server);
      if (known !== undefined) return known;
      const answer = ask(this.#viewer.endpointText(server));
      answers.set(server, answer);
      return answer;
    };
  }

  #session(slot: number): string {
    return formatSessionId(this.#records.epoch, this.#records.getF64(slot, F64.id));
  }
  #protocol(slot: number): "tcp" | "udp" {
    return protocolName(this.#records.getU8(slot, U8.protocol)) as "tcp" | "udp";
  }
  #server(slot: number): string {
    return this.#viewer.endpointText(this.#records.getU16(slot, U16.server));
  }
  #vip(slot: number): string {
    return this.#viewer.endpointText(this.#records.getU16(slot, U16.vip));
  }
  #serviceKey(slot: number): string {
    return `${this.#protocol(slot)} ${this.#vip(slot)}`;
  }
}

const END_REASON: Partial<Record<string, number>> = {
  stopped: REASON.agentStopped,
  refused: REASON.refused,
  restarted: REASON.agentRestarted,
  missing: REASON.agentRestarted,
  lapsed: REASON.leaseEnded,
};

function servicesByVip(config: NatConfig): Map<string, ServiceConfig> {
  return new Map(config.services.map((s) => [`${s.protocol} ${formatEndpoint(s.vip)}`, s]));
}

function sameCriteria(a: ServiceConfig, b: ServiceConfig | undefined): boolean {
  return JSON.stringify(a.bypass) === JSON.stringify(b?.bypass);
}
