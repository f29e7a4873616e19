import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import type { RateMeter } from "../policy/rate_meter.ts";
import { FLAG, HEADER_F64, HOLD_NONE, I32, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import { REASON, reasonText } from "../session/path_reason.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { usedSlots } from "../session/session_view.ts";
import { STATE } from "../session/tcp_state.ts";
import { formatEndpoint, parseEndpoint } from "../wire/address.ts";
import type { BookEvent, InstructionBook } from "./instruction_book.ts";
import { isNatEndpoint } from "./instruction_rebuild.ts";
import { type AgentState, type Objection, type Obstacle, usualObstacles } from "./obstacles.ts";
import { BypassTally } from "./bypass_tally.ts";
import { AgentPlaces } from "./agent_places.ts";
import { type CriteriaFacts, measuredRates } from "./explain_criteria.ts";
import { DeclineLog } from "./decline_log.ts";
import type { LoadGates } from "./load_gates.ts";
import { OperatorOrders } from "./operator_orders.ts";
import type { BypassTarget, OperatorState } from "./operator_state.ts";
import { SessionNotes } from "./session_notes.ts";
import { PathRates } from "./path_rates.ts";
import { StartRestrictions } from "./start_restrictions.ts";
import { isLowRate, StopCriteria } from "./stop_criteria.ts";
import { SessionPauses } from "./session_pauses.ts";
import { type SendCommand, WorkerCommands } from "./worker_commands.ts";
import { COMMAND } from "./worker_protocol.ts";

/** Before an agent that refused an instruction is asked again; each pause after that is longer. */
const REFUSED_MS = 1_000;

export interface StopOptions {
  /** Whether the criteria decide again once the instruction has ended. */
  readonly rearm: boolean;
  /** But not before this boot time. */
  readonly notBeforeMs?: number;
}

export interface BypassControlOptions {
  readonly records: SessionRecords;
  readonly events: EventLog;
  readonly operator: OperatorState;
  readonly config: NatConfig;
  /** The connected agent that speaks for a server (`address:port`), if any. */
  readonly agentFor: (server: string) => AgentState | undefined;
  readonly command: SendCommand;
  /** Measure the machine's load; absent: services that ask for a load never bypass. */
  readonly gates?: LoadGates;
  /** What the packet worker measures. */
  readonly rates?: RateMeter;
  /** What happens is counted here; default: a tally of its own. */
  readonly tally?: BypassTally;
  /** Boot time, ms. */
  readonly now: () => number;
}

interface Stop extends StopOptions {
  readonly reason: number;
  readonly value: number;
}

/**
 * Decides, session by session, which path responses take: when the worker reports that the criteria
 * are met, an instruction goes out unless something speaks against it; what the agents count is
 * written into the table; when an instruction has ended the slot is let go.
 */
export class BypassControl {
  readonly #options: BypassControlOptions;
  readonly #records: SessionRecords;
  readonly #notes: SessionNotes;
  readonly #pauses: SessionPauses;
  readonly #commands: WorkerCommands;
  readonly #restrictions: StartRestrictions;
  readonly #rates: PathRates;
  readonly #stops: StopCriteria;
  readonly #declines: DeclineLog;
  readonly #tally: BypassTally;
  #places!: AgentPlaces;
  #orders!: OperatorOrders;
  #book!: InstructionBook;
  #snat: NatConfig["snat"];
  /** Why an instruction is being stopped, by slot: what the session will say afterwards. */
  readonly #stopping = new Map<number, Stop>();
  /** In the order in which they are asked; the first objection counts. Others may be added. */
  readonly obstacles: Obstacle[];

  constructor(options: BypassControlOptions) {
    this.#options = options;
    this.#records = options.records;
    this.#tally = options.tally ?? new BypassTally();
    this.#snat = options.config.snat;
    this.#notes = new SessionNotes(options.records, options.events, options.config);
    this.#pauses = new SessionPauses(options.records.capacity, options.now());
    this.#commands = new WorkerCommands(options.command);
    this.#declines = new DeclineLog(this.#notes, options.events);
    this.#rates = new PathRates(options.records);
    this.#stops = new StopCriteria(options.records, this.#rates);
    const { gates, rates, now } = options;
    this.#restrictions = new StartRestrictions({ notes: this.#notes, gates, rates, now });
    this.obstacles = usualObstacles({
      notes: this.#notes,
      operator: options.operator,
      restrictions: this.#restrictions,
      pauses: this.#pauses,
      agentFor: options.agentFor,
      snat: () => this.#snat,
    });
  }

  /** The book and this object know each other; called once, before anything else. */
  use(book: InstructionBook): void {
    this.#book = book;
    this.#orders = new OperatorOrders({
      notes: this.#notes,
      operator: this.#options.operator,
      book,
      now: this.#options.now,
      stop: (slot) => this.stopSession(slot, REASON.operator, 0, { rearm: false }),
      rearm: (slot) => this.#decideAgain(slot),
    });
    this.#places = new AgentPlaces(limitOf(this.#options.config), {
      notes: this.#notes,
      book,
      rates: this.#rates,
      now: this.#options.now,
      ageMs: (slot, now) => this.#stops.ageMs(slot, now),
      displace: (slot, notBeforeMs) => this.#giveUp(slot, REASON.displaced, notBeforeMs),
      close: (slot, notBeforeMs) => this.#giveUp(slot, REASON.limit, notBeforeMs),
      rearm: (slot, afterMs) => afterMs === 0 ? this.#askAgain(slot) : this.#pause(slot, afterMs),
    });
  }

  /**
   * Takes over the instructions that stand in a table left by an earlier process.
   * @param leaseMs the lease that it granted
   * @param slots all that were held then, and maybe others
   */
  restore(leaseMs: number, slots: Iterable<number> = usedSlots(this.#records)): void {
    const records = this.#records;
    const now = this.#options.now();
    for (const slot of slots) {
      if (records.getU8(slot, U8.hold) === HOLD_NONE) continue;
      const state = records.getU8(slot, U8.instruction);
      // Whether its agent is silent is for this process to find out.
      if (state === INSTRUCTION.unheard) records.setU8(slot, U8.instruction, INSTRUCTION.installed);
      if (state === INSTRUCTION.none) {
        // Crossed, and the earlier process came to its end before it decided.
        this.#notes.decline(slot, REASON.restarted, 0);
        this.#rearm(slot);
        continue;
      }
      const over = records.getU8(slot, U8.state) >= STATE.closed;
      const stopping = over || state === INSTRUCTION.stopping;
      this.#book.restore(this.#notes.entry(slot), {
        generation: records.getU32(slot, I32.generation),
        tag: slot,
        state: stopping ? "stopping" : state === INSTRUCTION.sent ? "sent" : "installed",
        leaseMs,
        now,
      });
      if (stopping) {
        records.setU8(slot, U8.instruction, INSTRUCTION.stopping);
        this.#stopping.set(slot, { reason: REASON.restarted, value: 0, rearm: !over });
      }
    }
  }

  /**
   * Another configuration is in force. An instruction is stopped when the configuration would not allow it
   * any more (its service, its server or its NAT endpoint is gone, or the service never bypasses), or when
   * its service's start criteria changed; no other one is touched. Where they changed, they decide again.
   */
  configure(config: NatConfig): void {
    const before = this.#notes.configure(config);
    this.#snat = config.snat;
    this.#places.limit = limitOf(config);
    const isDecidedAnew = this.#notes.byService((slot) =>
      !sameStart(this.#notes.service(slot), before(slot))
    );
    for (const { tag: slot, match } of this.#book.instructions(this.#options.now())) {
      const service = this.#notes.service(slot);
      const allowed = service !== undefined && service.bypass.start.never !== true &&
        !isDecidedAnew(slot) && isNatEndpoint(config.snat, parseEndpoint(match.destination)) &&
        service.servers.some((s) => formatEndpoint(s.address) === match.source);
      if (!allowed) this.stopSession(slot, REASON.policyChanged, 0, { rearm: true });
    }
    for (const slot of usedSlots(this.#records)) {
      const wasExcluded = this.#records.getU8(slot, U8.reason) === REASON.policyChanged;
      if (wasExcluded || isDecidedAnew(slot)) this.#decideAgain(slot);
    }
  }

  /**
   * The worker: this session meets the start criteria.
   * @param crossedMs when (boot time) the packet came that met them
   */
  crossed(
    slot: number,
    id: number,
    reason: number,
    value: number,
    crossedMs = this.#options.now(),
  ): void {
    const records = this.#records;
    if (this.#notes.id(slot) !== id) return;
    for (const obstacle of this.obstacles) {
      const objection = obstacle(slot);
      if (objection !== null) return this.#decline(slot, objection);
    }
    const agent = this.#options.agentFor(this.#notes.server(slot));
    const now = this.#options.now();
    if (agent !== undefined && !this.#places.take(slot, agent.name)) {
      return this.#decline(slot, { reason: REASON.limit, value: this.#places.limit });
    }
    // Written before it is sent: should this process be killed in between, the next one must know of
    // it, and go on above every generation ever sent.
    const generation = this.#book.nextGeneration;
    records.headerF64[HEADER_F64.generation] = generation + 1;
    this.#notes.sent(slot, generation);
    const isSent = agent !== undefined &&
      this.#book.install(agent.name, this.#notes.entry(slot), slot, now) !== 0;
    if (!isSent) return this.#decline(slot, { reason: REASON.noAgent, value: 0 });
    this.#notes.reason(slot, reason, value);
    this.#tally.noteSent(slot, this.#notes.serviceName(slot), { crossedMs, sentMs: now });
  }

  /** The worker: a session with an instruction is over. */
  ended(slot: number, id: number): void {
    if (this.#notes.id(slot) !== id) return;
    if (this.#records.getU8(slot, U8.instruction) === INSTRUCTION.none) return;
    this.stopSession(slot, REASON.sessionOver, 0, { rearm: false });
  }

  /**
   * The worker: the path to this session's client carries less than was thought. An instruction in force
   * is stopped, and the criteria, which are met, send the next one with what is known now. Meanwhile the
   * worker makes the segments smaller itself.
   */
  pathMtuChanged(slot: number, id: number): void {
    if (this.#notes.id(slot) !== id) return;
    const instruction = this.#book.state(this.#notes.session(slot), this.#options.now());
    if (instruction !== null) this.#followPathMtu(slot, instruction.pathMtu);
  }

  /** The book: something about an instruction changed. */
  changed(event: BookEvent): void {
    const slot = event.tag;
    const tcpFlags = this.#notes.count(event, this.#tally);
    if (tcpFlags !== null) {
      this.#commands.send(COMMAND.saw, slot, this.#notes.id(slot), tcpFlags);
    }
    if (event.kind === "installed") {
      this.#records.setU8(slot, U8.instruction, INSTRUCTION.installed);
      this.#pauses.clear(slot);
      const nowMs = this.#options.now();
      this.#stops.started(slot, nowMs);
      const { agent } = event;
      this.#tally.noteInstalled(slot, this.#notes.serviceName(slot), { agent, nowMs });
      this.#notes.log("bypass-started", slot, {
        generation: event.generation,
        agent: event.agent,
        ...this.#measured(slot),
      });
    } else if (event.kind === "ended") {
      this.#end(event);
    }
  }

  /** An agent has become able to bypass: the criteria decide again for its sessions. */
  reconsider(speaksFor: (server: string) => boolean): void {
    const concerned = this.#notes.bySlot(speaksFor);
    for (const slot of usedSlots(this.#records)) {
      if (!concerned(slot) || this.#pauses.binds(slot, this.#notes.id(slot))) continue;
      this.#rearm(slot);
    }
  }

  /** Stops every instruction whose server satisfies `concerns`. */
  stopServers(concerns: (server: string) => boolean, reason: number): void {
    const concerned = this.#notes.bySlot(concerns);
    for (const { tag: slot } of this.#book.instructions(this.#options.now())) {
      if (concerned(slot)) this.stopSession(slot, reason, 0, { rearm: true });
    }
  }

  /**
   * Stops a session's instruction; does nothing when it has none, or one that is being stopped.
   * @param reason one of REASON: what the session says from now on
   * @param value the number that the reason names
   */
  stopSession(slot: number, reason: number, value: number, options: StopOptions): void {
    const records = this.#records;
    const state = records.getU8(slot, U8.instruction);
    if (state === INSTRUCTION.none || state === INSTRUCTION.stopping) return;
    records.setU8(slot, U8.instruction, INSTRUCTION.stopping);
    this.#stopping.set(slot, { reason, value, ...options });
    if (reason !== REASON.sessionOver) this.#notes.reason(slot, reason, value);
    this.#book.stop(this.#notes.session(slot), this.#options.now(), reasonText(reason, value));
  }

  /** See {@linkcode OperatorOrders.stop}. */
  operatorStop(target: BypassTarget, timeoutMs: number) {
    return this.#orders.stop(target, timeoutMs);
  }

  /** See {@linkcode OperatorOrders.start}. */
  operatorStart(target: BypassTarget) {
    return this.#orders.start(target);
  }

  /** The slot of a session that lives, or 0. */
  find(session: string): number {
    return this.#notes.find(session);
  }

  /** What the criteria look at of a session, for `inspect explain`. */
  facts(session: string): CriteriaFacts {
    const { agentFor, gates, now, rates } = this.#options;
    const slot = this.find(session);
    const agent = agentFor(this.#notes.server(slot));
    const bypasses = this.#records.getU8(slot, U8.instruction) === INSTRUCTION.installed;
    return {
      ...measuredRates(slot, this.#notes.service(slot), { bypasses, direct: this.#rates, rates }),
      restriction: this.#restrictions.look(slot),
      load: gates?.loadFor(this.#notes.service(slot)) ?? null,
      pauseMs: this.#pauses.left(slot, this.#notes.id(slot), now()),
      instructionAgeMs: bypasses ? this.#stops.ageMs(slot, now()) : 0,
      instructions: agent === undefined ? 0 : this.#book.countOf(agent.name),
      limit: this.#places.limit,
    };
  }

  /**
   * To be called every second: stops what has been idle or says a path MTU that is no longer true, has the
   * criteria decide again where a pause is over, sends what found the ring full.
   */
  tick(): void {
    this.retryCommands();
    const now = this.#options.now();
    this.#pauses.expire(now, (slot, id) => {
      if (this.#notes.id(slot) === id) this.#rested(slot);
    });
    const placed = new Map<string, number[]>();
    const bypassing = new Map<string, number>();
    for (const { tag: slot, state, pathMtu, agent } of this.#book.instructions(now)) {
      this.#followPathMtu(slot, pathMtu);
      if (state !== "installed") continue;
      if (this.#records.getU8(slot, U8.instruction) === INSTRUCTION.installed) {
        const service = this.#notes.serviceName(slot);
        bypassing.set(service, (bypassing.get(service) ?? 0) + 1);
      }
      const crowded = this.#places.isCrowded(agent);
      if (crowded) {
        const slots = placed.get(agent);
        if (slots === undefined) placed.set(agent, [slot]);
        else slots.push(slot);
      }
      this.#watchStop(slot, crowded, now);
    }
    this.#tally.bypassing = bypassing;
    this.#places.tick(placed);
    this.#declines.tick();
  }

  /** Sends what found the ring full. */
  retryCommands(): void {
    this.#commands.retry();
  }

  /** Stops an instruction that meets one of the stop criteria. */
  #watchStop(slot: number, crowded: boolean, nowMs: number): void {
    const service = this.#notes.service(slot);
    if (service === undefined) return;
    // What an agent has not reported yet is no silence of the session.
    const reportedMs = crowded || service.bypass.stop.rate !== undefined
      ? this.#options.agentFor(this.#notes.server(slot))?.lastReportMs ?? null
      : null;
    const isNews = reportedMs !== null && this.#rates.sample(slot, reportedMs);
    const met = this.#stops.look(slot, service, { nowMs, sampledMs: isNews ? reportedMs : null });
    if (met === null) return;
    const { reason, value, restMs } = met;
    this.stopSession(slot, reason, value, { rearm: true, notBeforeMs: nowMs + restMs });
  }

  /** A session's pause is over. */
  #rested(slot: number): void {
    const service = this.#notes.service(slot);
    const isLow = isLowRate(this.#records.getU8(slot, U8.reason)) && service !== undefined &&
      this.#stops.tooSlow(slot, service, this.#options.now());
    if (isLow) this.#pause(slot, service.bypass.stop.forMs ?? 0, true);
    else this.#askAgain(slot);
  }

  #pause(slot: number, forMs: number, binding = false): void {
    const dueMs = this.#options.now() + forMs;
    this.#pauses.set(slot, this.#notes.id(slot), { dueMs, binding });
  }

  /** Takes an instruction back that the agent has no place for. */
  #giveUp(slot: number, reason: number, notBeforeMs: number): void {
    this.stopSession(slot, reason, this.#places.limit, { rearm: true, notBeforeMs });
  }

  #decline(slot: number, { reason, value, retryMs, detail }: Objection): void {
    const isNews = this.#records.getU8(slot, U8.reason) !== reason ||
      this.#records.getReasonValue(slot) !== Math.fround(value);
    this.#notes.decline(slot, reason, value);
    this.#tally.noteDeclined(this.#notes.serviceName(slot), reason);
    if (isNews) {
      this.#declines.add(slot, {
        ...this.#measured(slot),
        ...(detail !== undefined && { detail }),
      });
    }
    if (retryMs !== undefined) this.#pause(slot, retryMs);
  }

  /** What the start criteria saw of a session. */
  #measured(slot: number): Record<string, number> {
    const { packets, bytes, ageMs, rate } = this.#restrictions.measures(slot);
    return {
      packets,
      bytes,
      ageMs: Math.round(ageMs),
      ...(rate > 0 && { rate: Math.round(rate) }),
    };
  }

  /** Stops the session's instruction when it does not say what the record says. */
  #followPathMtu(slot: number, said: number | undefined): void {
    const pathMtu = this.#records.getU16(slot, U16.pathMtu);
    if (pathMtu !== (said ?? 0)) {
      this.stopSession(slot, REASON.pathMtu, pathMtu, { rearm: true });
    }
  }

  #end(event: BookEvent & { kind: "ended" }): void {
    const records = this.#records;
    const slot = event.tag;
    const asked = this.#stopping.get(slot);
    this.#stopping.delete(slot);
    const reason = asked?.reason ?? END_REASON[event.cause] ?? REASON.agentLost;
    if (reason !== REASON.sessionOver) this.#notes.reason(slot, reason, asked?.value ?? 0);
    records.setU8(slot, U8.instruction, INSTRUCTION.none);
    this.#tally.noteStopped(slot, this.#notes.serviceName(slot), reason);
    this.#notes.log("bypass-stopped", slot, {
      generation: event.generation,
      agent: event.agent,
      why: reasonText(reason, asked?.value ?? 0),
      acknowledged: event.cause,
      packets: event.counters.packets,
      bytes: event.counters.bytes,
    });
    // Last: from here on the worker may use the slot for another session.
    const id = this.#notes.id(slot);
    records.setU8(slot, U8.hold, HOLD_NONE);
    this.#orders.ended(event);
    this.#places.ended(slot, event.agent);
    if (asked !== undefined && !asked.rearm) return;
    // What one agent refuses now it would refuse at the next packet too.
    if (event.cause === "refused") {
      return this.#pause(slot, this.#pauses.grow(slot, id, REFUSED_MS));
    }
    const dueMs = asked?.notBeforeMs ?? 0;
    if (dueMs > this.#options.now()) this.#pauses.set(slot, id, { dueMs, binding: true });
    else this.#commands.send(COMMAND.rearm, slot, id, 0);
  }

  /** The criteria decide again whatever the session was told to wait for. */
  #decideAgain(slot: number): void {
    this.#pauses.clear(slot);
    this.#rearm(slot);
  }

  #rearm(slot: number): void {
    if (this.#records.getU8(slot, U8.hold) !== HOLD_NONE || this.#notes.over(slot)) return;
    const reason = this.#isNever(slot) ? REASON.never : REASON.waiting;
    if (this.#records.getU8(slot, U8.reason) !== reason) this.#notes.reason(slot, reason, 0);
    this.#askAgain(slot);
  }

  /** The criteria decide again; until then the session says what it said. */
  #askAgain(slot: number): void {
    if (this.#records.getU8(slot, U8.hold) !== HOLD_NONE || this.#notes.over(slot)) return;
    const armed = (this.#records.getU8(slot, U8.flags) & FLAG.armed) !== 0;
    if (armed || this.#isNever(slot)) return;
    this.#commands.send(COMMAND.rearm, slot, this.#notes.id(slot), 0);
  }

  #isNever(slot: number): boolean {
    return this.#notes.service(slot)?.bypass.start.never === true;
  }
}

const END_REASON: Partial<Record<string, number>> = {
  stopped: REASON.agentStopped,
  refused: REASON.refused,
  restarted: REASON.agentRestarted,
  missing: REASON.agentRestarted,
  lapsed: REASON.leaseEnded,
};

/** Without a control channel there are no agents that could have any. */
function limitOf(config: NatConfig): number {
  return config.control?.instructions ?? Infinity;
}

function sameStart(a: ServiceConfig | undefined, b: ServiceConfig | undefined): boolean {
  return JSON.stringify(a?.bypass.start) === JSON.stringify(b?.bypass.start);
}
