import { F64, FLAG, HOLD_INSTRUCTION, HOLD_NONE, U16, U8 } from "../session/layout.ts";
import type { NewSession, SessionTable } from "../session/session_table.ts";
import {
  advance,
  beginsConnection,
  FIN_CLIENT,
  FIN_SERVER,
  idleTimeoutMs,
  STATE,
  TCP_ACK,
} from "../session/tcp_state.ts";
import type { AffinityTable } from "../session/affinity_table.ts";
import { TableSweep } from "../session/table_sweep.ts";
import { TimerWheel } from "../session/timer_wheel.ts";
import { DROP } from "../session/drop_reason.ts";
import { CROSSED, thresholdOf } from "../policy/criteria.ts";
import { REASON } from "../session/path_reason.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import type { Packet } from "../wire/packet.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { SessionAdoption } from "./session_adoption.ts";
import { HalfOpenSessions, isAnsweredDirectly, isHalfOpen } from "./half_open_sessions.ts";
import { NatEndpoints } from "./nat_endpoints.ts";
import { ServiceTable } from "./service_table.ts";
import { StartWatch, type StartWatchOptions } from "./start_watch.ts";
import type { DatapathConfig } from "./datapath_config.ts";
import type { RebuiltSession } from "./instruction_rebuild.ts";
import { type RebuildOutcome, SessionRebuilder } from "./session_rebuilder.ts";

/** What the packet worker tells the main thread. A method that returns false could not: try later. */
export interface SessionEvents {
  /** The start criteria are met, by the packet that came at `nowMs`. */
  crossed(slot: number, id: number, reason: number, value: number, nowMs: number): boolean;
  /** A session with an instruction is over. */
  ended(slot: number, id: number): boolean;
  opened(slot: number, nowMs: number): void;
  /** A session that an earlier process opened goes on. */
  adopted?(slot: number): void;
  closed(slot: number, reason: number, nowMs: number): void;
}

export interface SessionKeeperOptions extends StartWatchOptions {
  readonly table: SessionTable;
  readonly events: SessionEvents;
  readonly config: DatapathConfig;
  /** Which client belongs to which server; default: nobody is remembered. */
  readonly affinity?: AffinityTable;
  /** NAT ports that new sessions do not get, as of PortPool; default: none. */
  readonly withheldPorts?: Int32Array;
  /** Which of the boards' columns are written. Default 0. */
  readonly worker?: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly nowMs: number;
}

/** Slots that are looked at in one turn after another configuration: less than a millisecond's work. */
const SWEEP_BUDGET = 2048;

/** How a session came to its end, for the journal. */
export const CLOSE = {
  finished: 0,
  reset: 1,
  idle: 2,
  reused: 3,
  displaced: 4,
  unanswered: 5,
} as const;
export const CLOSE_NAMES = [
  "finished",
  "reset",
  "idle",
  "reused by its client",
  "half-open and displaced by a newer one",
  "not answered by a server that is down, begun anew with another",
] as const;

/**
 * The life of the sessions in the table: starts them, notes what passes, watches the start criteria,
 * ends them when they have been idle too long. Pure given time and randomness; allocates nothing per
 * packet.
 */
export class SessionKeeper {
  readonly #table: SessionTable;
  readonly #events: SessionEvents;
  readonly #random: () => number;
  readonly #wheel: TimerWheel;
  readonly #halfOpen: HalfOpenSessions;
  readonly #rebuilder: SessionRebuilder;
  readonly #adoption: SessionAdoption;
  readonly #begunMs: number;
  readonly #watch: StartWatch;
  readonly #affinity: AffinityTable | null;
  readonly #endpoints: NatEndpoints;
  /** After another configuration: counts sessions of services that are new, sets timers anew. */
  readonly #sweep: TableSweep;
  #retimes = false;
  readonly #worker: number;
  #services: ServiceTable;
  #config: DatapathConfig;
  readonly #new: NewSession = {
    addresses: new Int32Array(8),
    clientOffset: 0,
    clientPort: 0,
    vip: 0,
    server: 0,
    natAddress: 0,
    natPort: 0,
    protocol: 0,
    state: 0,
  };

  constructor(options: SessionKeeperOptions) {
    this.#table = options.table;
    this.#events = options.events;
    this.#random = options.random;
    this.#config = options.config;
    this.#affinity = options.affinity ?? null;
    this.#worker = options.worker ?? 0;
    this.#services = new ServiceTable(options.config, options.table, {
      affinity: this.#affinity,
      worker: this.#worker,
    });
    this.#services.begin();
    this.#endpoints = new NatEndpoints(options.config, options.table, options.withheldPorts);
    this.#wheel = new TimerWheel(options.table.capacity + 1, options.nowMs);
    this.#halfOpen = new HalfOpenSessions(options.table);
    this.#rebuilder = new SessionRebuilder(options.table);
    this.#watch = new StartWatch(options.table, options);
    this.#sweep = new TableSweep(options.table);
    this.#begunMs = options.nowMs;
    this.#endpoints.expect(options.table.found.natAddresses);
    this.#adoption = new SessionAdoption(options.table, this.#wheel, (slot) => this.#adopt(slot));
    // What a small table has is known at once.
    this.#adoptOn(SWEEP_BUDGET);
  }

  /** Is there work that must not wait for packets, or for a timer? */
  get busy(): boolean {
    return !this.#adoption.done || !this.#sweep.done;
  }

  get services(): ServiceTable {
    return this.#services;
  }

  get endpoints(): NatEndpoints {
    return this.#endpoints;
  }

  /** Is the address at this offset (4 words) a VIP or a SNAT address? */
  isOwnAddress(words: Int32Array, offset: number): boolean {
    const entry = this.#table.findEndpoint(words, offset, 0);
    return (entry !== 0 && this.#endpoints.isNatAddress(entry)) ||
      this.#services.hasVip(words, offset);
  }

  /**
   * Takes another configuration; sessions of services and servers that are gone live on. What has
   * to be said of every session is said a few at a time, by {@linkcode expire}.
   */
  configure(config: DatapathConfig): void {
    const keepsTimers = JSON.stringify(config.timeouts) === JSON.stringify(this.#config.timeouts);
    const services = new ServiceTable(config, this.#table, {
      affinity: this.#affinity,
      worker: this.#worker,
      before: this.#services,
    });
    this.#adoptOn(Infinity);
    this.#endpoints.configure(config);
    // From here on nothing fails.
    this.#config = config;
    this.#services = services;
    services.begin();
    const retimes = !keepsTimers || (this.#retimes && !this.#sweep.done);
    if (!services.hasFresh && !retimes) return;
    this.#retimes = retimes;
    this.#sweep.begin();
    this.#sweepOn();
  }

  /** Starts a session with this packet: its slot, or a reason, negated. */
  open(packet: Packet, partial: boolean, vip: number, nowMs: number): number {
    const protocol = packet.protocol;
    const service = this.#services.find(vip, protocol);
    if (service < 0) return -DROP.noService;
    if (protocol === PROTOCOL_TCP && !beginsConnection(packet.tcpFlags)) return -DROP.noSession;
    // A flood of broken packets must not fill the table.
    if (!verifyL4(packet, partial)) return -DROP.badChecksum;
    const table = this.#table;
    if (protocol === PROTOCOL_UDP && this.#halfOpen.udpFull) return -DROP.tableFull;
    if (protocol === PROTOCOL_TCP && this.#halfOpen.tcpFull) this.#displace(0, nowMs);
    if (table.full && !this.#displace(0, nowMs)) return -DROP.tableFull;
    // Their servers are known by the sessions they have. The client asks again soon, and nobody's packets wait.
    if (!this.#adoption.done && this.#services.remembers(service)) return -DROP.overload;
    const server = this.#services.choose(
      service,
      packet.addresses,
      packet.sourcePort,
      this.#random(),
      nowMs,
    );
    if (server === 0) return -DROP.noServer;
    const session = this.#new;
    if (!this.#takeEndpoint(session, packet, server, nowMs)) return -DROP.noPort;
    for (let i = 0; i < 4; i++) session.addresses[i] = packet.addresses[i]!;
    session.clientPort = packet.sourcePort;
    session.vip = vip;
    session.server = server;
    session.protocol = protocol;
    session.state = STATE.opening;
    const slot = table.insert(session, nowMs);
    this.#halfOpen.add(slot);
    this.#wheel.set(
      slot,
      nowMs + idleTimeoutMs(STATE.opening, protocol === PROTOCOL_TCP, this.#config.timeouts),
    );
    if (this.#services.byAffinity) {
      table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.byAffinity);
    }
    this.#services.opened(slot, nowMs);
    const criteria = this.#services.criteria(service);
    if (criteria.never) table.setU8(slot, U8.reason, REASON.never);
    else {
      table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.armed);
      this.#watch.begin(slot, criteria);
      if (protocol === PROTOCOL_UDP) this.watch(slot, 0, 0, nowMs);
    }
    this.#events.opened(slot, nowMs);
    return slot;
  }

  /** Takes in a session of a table that was lost, and has it bypass again when its service ever does. */
  rebuild(session: RebuiltSession, nowMs: number): RebuildOutcome {
    const outcome = this.#rebuilder.insert(session, this.#endpoints, nowMs);
    if (typeof outcome === "string") return outcome;
    const table = this.#table;
    const slot = outcome;
    const tcp = session.protocol === PROTOCOL_TCP;
    const timeoutMs = idleTimeoutMs(table.getU8(slot, U8.state), tcp, this.#config.timeouts);
    this.#wheel.set(slot, nowMs + timeoutMs);
    this.#count(slot);
    this.#events.opened(slot, nowMs);
    const service = this.#services.find(table.getU16(slot, U16.vip), session.protocol);
    if (service < 0 || this.#services.criteria(service).never) {
      table.setU8(slot, U8.reason, REASON.never);
      return "rebuilt";
    }
    table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.armed);
    this.#cross(slot, REASON.rebuilt, 0, nowMs);
    return "rebuilt";
  }

  #takeEndpoint(session: NewSession, packet: Packet, server: number, nowMs: number): boolean {
    const { addresses, protocol } = packet;
    return this.#takeFree(session, addresses, server, protocol) ||
      // A late answer to a datagram would reach the endpoint's next client; a late SYN-ACK is refused.
      (protocol === PROTOCOL_TCP && this.#displace(server, nowMs) &&
        this.#takeFree(session, addresses, server, protocol));
  }

  /** Takes a NAT endpoint that no session has, those that are still to be adopted included. */
  #takeFree(session: NewSession, client: Int32Array, server: number, protocol: number): boolean {
    while (this.#endpoints.take(session, client, server, protocol, this.#random())) {
      if (this.#adoption.done) return true;
      const { natAddress, natPort } = session;
      const holder = this.#table.findOutbound(server, natAddress, natPort, protocol);
      if (holder === 0) return true;
      // The endpoint is reserved now, for the one that has it.
      this.#adoption.adopt(holder);
    }
    return false;
  }

  /** Ends the oldest half-open session of TCP, towards this server unless that is 0. */
  #displace(server: number, nowMs: number): boolean {
    const slot = this.#halfOpen.displaceable(server);
    if (slot === 0) return false;
    this.#events.closed(slot, CLOSE.displaced, nowMs);
    this.#wheel.clear(slot);
    this.#release(slot);
    return true;
  }

  /** The server has answered a datagram. */
  answered(slot: number, nowMs: number): void {
    this.#adoption.adopt(slot);
    this.#table.setU8(slot, U8.state, STATE.established);
    this.#halfOpen.remove(slot);
    this.#proven(slot, nowMs);
    this.#retime(slot, STATE.opening, STATE.established, false, nowMs);
  }

  /** Notes what a TCP packet, or an agent's report of one, says about the session's state. */
  advance(slot: number, fromClient: boolean, tcpFlags: number, nowMs: number): void {
    const table = this.#table;
    const before = table.getU8(slot, U8.state);
    const flags = table.getU8(slot, U8.flags);
    // FLAG.clientFin and FLAG.serverFin are FIN_CLIENT and FIN_SERVER, three bits up.
    const fins = (flags >> 3) & (FIN_CLIENT | FIN_SERVER);
    const next = advance(before, fins, fromClient, tcpFlags);
    const state = next & 0xff;
    if (next >> 8 !== fins) {
      table.setU8(slot, U8.flags, (flags & ~(FLAG.clientFin | FLAG.serverFin)) | (next >> 8 << 3));
    }
    if (state === before) return;
    this.#adoption.adopt(slot);
    table.setU8(slot, U8.state, state);
    if (isHalfOpen(state)) this.#halfOpen.add(slot);
    else if (isHalfOpen(before)) this.#halfOpen.remove(slot);
    this.#retime(slot, before, state, true, nowMs);
    if (state === STATE.established) {
      this.#proven(slot, nowMs);
      if ((flags & FLAG.armed) !== 0) this.watch(slot, 0, 0, nowMs);
    } else if (state === STATE.closed) {
      this.#events.closed(slot, CLOSE.finished, nowMs);
      this.#tellEnded(slot);
    }
  }

  /** Timers are looked at when they fire; only one that must fire earlier is moved. */
  #retime(slot: number, before: number, after: number, tcp: boolean, nowMs: number): void {
    const timeoutMs = idleTimeoutMs(after, tcp, this.#config.timeouts);
    if (timeoutMs < idleTimeoutMs(before, tcp, this.#config.timeouts)) {
      this.#wheel.set(slot, nowMs + timeoutMs);
    }
  }

  /** Are the start criteria met, by the responses that passed via NAT? */
  watch(slot: number, packets: number, bytes: number, nowMs: number): void {
    const table = this.#table;
    const tcp = table.getU8(slot, U8.protocol) === PROTOCOL_TCP;
    // The handshake always passes the NAT machine; UDP has none.
    if (tcp && table.getU8(slot, U8.state) !== STATE.established) return;
    if (table.getU8(slot, U8.hold) !== HOLD_NONE) return;
    const service = this.#services.find(
      table.getU16(slot, U16.vip),
      table.getU8(slot, U8.protocol),
    );
    if (service < 0) return;
    const criteria = this.#services.criteria(service);
    const criterion = this.#watch.look(slot, service, criteria, packets, bytes, nowMs);
    if (criterion !== CROSSED.none) {
      this.#cross(slot, criterion, thresholdOf(criteria, criterion), nowMs);
    }
  }

  #cross(slot: number, reason: number, value: number, nowMs: number): void {
    const table = this.#table;
    // From here on the slot stays as it is until the main thread lets go of it.
    table.setU8(slot, U8.hold, HOLD_INSTRUCTION);
    if (this.#events.crossed(slot, table.getF64(slot, F64.id), reason, value, nowMs)) {
      table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) & ~FLAG.armed);
    } else table.setU8(slot, U8.hold, HOLD_NONE);
  }

  /** An agent saw FIN or RST from the server, or an answer over UDP (0). */
  agentSaw(slot: number, id: number, tcpFlags: number, nowMs: number): void {
    const table = this.#table;
    if (!this.#is(slot, id)) return;
    if (table.getU8(slot, U8.protocol) !== PROTOCOL_TCP) {
      if (table.getU8(slot, U8.state) === STATE.opening) this.answered(slot, nowMs);
      return;
    }
    this.advance(slot, false, tcpFlags, nowMs);
    const fins = table.getU8(slot, U8.flags) & (FLAG.clientFin | FLAG.serverFin);
    // The server's last ACK takes the direct way and is never seen here: do not wait for it.
    if (fins === (FLAG.clientFin | FLAG.serverFin)) this.advance(slot, false, TCP_ACK, nowMs);
    // Reports come late: the NAT endpoint rests from now on, not from when the packet was seen.
    if (table.getU8(slot, U8.state) === STATE.closed) table.setF64(slot, F64.lastSeenMs, nowMs);
  }

  /** The criteria decide again about this session, with its next response via NAT. */
  rearm(slot: number, id: number): void {
    const table = this.#table;
    if (!this.#is(slot, id) || table.getU8(slot, U8.hold) !== HOLD_NONE) return;
    const state = table.getU8(slot, U8.state);
    if (state === STATE.free || state === STATE.quarantine || state === STATE.closed) return;
    const service = this.#services.find(
      table.getU16(slot, U16.vip),
      table.getU8(slot, U8.protocol),
    );
    if (service < 0 || this.#services.criteria(service).never) return;
    table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.armed);
  }

  /** Ends what has been idle too long; at most `budget` sessions a call. Goes on with what `configure` began. */
  expire(nowMs: number, budget: number): void {
    if (!this.#adoption.done) this.#adoptOn(SWEEP_BUDGET);
    if (!this.#sweep.done) this.#sweepOn();
    if (this.#wheel.idle(nowMs)) return;
    for (let n = 0; n < budget; n++) {
      const slot = this.#wheel.take(nowMs);
      if (slot === 0) return;
      this.#expired(slot, nowMs);
    }
  }

  #expired(slot: number, nowMs: number): void {
    const table = this.#table;
    const tcp = table.getU8(slot, U8.protocol) === PROTOCOL_TCP;
    if (!tcp && isAnsweredDirectly(table, slot)) this.answered(slot, nowMs);
    const state = table.getU8(slot, U8.state);
    const last = state === STATE.quarantine
      ? table.getF64(slot, F64.lastSeenMs)
      : table.lastActivityMs(slot);
    // What an agent has seen since its last report is not known yet.
    const lateMs = table.getU8(slot, U8.hold) === HOLD_NONE || state === STATE.quarantine
      ? 0
      : this.#config.reportsLateMs ?? 0;
    const deadline = last + idleTimeoutMs(state, tcp, this.#config.timeouts) + lateMs;
    if (deadline > nowMs) {
      this.#wheel.set(slot, deadline);
    } else if (state !== STATE.quarantine && state !== STATE.closed) {
      this.quarantine(slot, state === STATE.reset ? CLOSE.reset : CLOSE.idle, nowMs);
    } else if (table.getU8(slot, U8.hold) !== HOLD_NONE) {
      // An agent may still act for this NAT endpoint: it is not used again before that is over.
      this.#tellEnded(slot);
      this.#wheel.set(slot, nowMs + 1000);
    } else {
      this.#release(slot);
    }
  }

  /** Nothing is translated for this session any more; its NAT endpoint rests. */
  quarantine(slot: number, reason: number, nowMs: number): void {
    const table = this.#table;
    this.#adoption.adopt(slot);
    if (table.getU8(slot, U8.state) !== STATE.closed) this.#events.closed(slot, reason, nowMs);
    this.#halfOpen.rests(slot);
    table.detachInbound(slot);
    // In this order: a process killed in between would leave one whose rest began long ago.
    table.setF64(slot, F64.lastSeenMs, nowMs);
    table.setU8(slot, U8.state, STATE.quarantine);
    this.#wheel.set(slot, nowMs + this.#config.timeouts.quarantineMs);
    this.#tellEnded(slot);
  }

  #tellEnded(slot: number): void {
    const table = this.#table;
    if (table.getU8(slot, U8.hold) === HOLD_NONE) return;
    this.#events.ended(slot, table.getF64(slot, F64.id));
  }

  #release(slot: number): void {
    const table = this.#table;
    this.#halfOpen.remove(slot);
    const server = table.getU16(slot, U16.server);
    const protocol = table.getU8(slot, U8.protocol);
    if (this.#isCounted(slot)) this.#services.closed(slot);
    this.#endpoints.release(
      table.getU16(slot, U16.natAddress),
      table.getU16(slot, U16.natPort),
      server,
      protocol,
    );
    table.release(slot);
  }

  #is(slot: number, id: number): boolean {
    return this.#table.getU8(slot, U8.state) !== STATE.free &&
      this.#table.getF64(slot, F64.id) === id;
  }

  /** Goes on with a session that an earlier process left. */
  #adopt(slot: number): void {
    this.#notLater(slot, F64.lastSeenMs);
    this.#notLater(slot, F64.agentSeenMs);
    this.#count(slot);
    this.#halfOpen.adopt(slot);
    this.#setTimer(slot, this.#begunMs);
    this.#events.adopted?.(slot);
  }

  /** A time that is still to come, in a damaged file, would keep the session for ever. */
  #notLater(slot: number, field: number): void {
    const table = this.#table;
    if (table.getF64(slot, field) > this.#begunMs) table.setF64(slot, field, this.#begunMs);
  }

  /** Looks at up to so many slots of the table that was taken over. */
  #adoptOn(budget: number): void {
    if (this.#adoption.done) return;
    this.#adoption.step(budget);
    if (!this.#adoption.done) return;
    this.#endpoints.expect(null);
    this.#services.counted();
  }

  #sweepOn(): void {
    this.#sweep.step(SWEEP_BUDGET, this.#revise);
    if (this.#sweep.done) this.#services.counted();
  }

  readonly #revise = (slot: number): void => {
    if (this.#services.isFresh(this.#serviceOf(slot))) this.#countService(slot);
    if (this.#retimes) this.#setTimer(slot, Infinity);
  };

  /** A service that is new does not know of the sessions that wait to be counted. */
  #isCounted(slot: number): boolean {
    return this.#sweep.done || !this.#sweep.awaits(slot) ||
      !this.#services.isFresh(this.#serviceOf(slot));
  }

  /** Its client exists. */
  #proven(slot: number, nowMs: number): void {
    if (this.#isCounted(slot)) this.#services.proven(slot, nowMs);
  }

  /** By the last activity, which cannot have been later than `nowMs`. */
  #setTimer(slot: number, nowMs: number): void {
    const table = this.#table;
    const tcp = table.getU8(slot, U8.protocol) === PROTOCOL_TCP;
    const timeoutMs = idleTimeoutMs(table.getU8(slot, U8.state), tcp, this.#config.timeouts);
    this.#wheel.set(slot, Math.min(table.lastActivityMs(slot), nowMs) + timeoutMs);
  }

  /** Counts a session of the table towards its server and its NAT endpoint. */
  #count(slot: number): void {
    this.#countService(slot);
    this.#reserve(slot);
  }

  #countService(slot: number): void {
    const table = this.#table;
    if (this.#serviceOf(slot) < 0) return;
    const lastMs = table.getF64(slot, F64.lastSeenMs);
    this.#services.opened(slot, lastMs);
    if (!isHalfOpen(table.getU8(slot, U8.state))) this.#services.proven(slot, lastMs);
  }

  #serviceOf(slot: number): number {
    const table = this.#table;
    return this.#services.find(table.getU16(slot, U16.vip), table.getU8(slot, U8.protocol));
  }

  #reserve(slot: number): void {
    const table = this.#table;
    this.#endpoints.reserve(
      table.getU16(slot, U16.natAddress),
      table.getU16(slot, U16.natPort),
      table.getU16(slot, U16.server),
      table.getU8(slot, U8.protocol),
    );
  }
}
