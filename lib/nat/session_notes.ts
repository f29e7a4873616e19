import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import type { EventLog } from "../control/event_log.ts";
import { DIRECT, F64, HOLD_NONE, I32, INSTRUCTION, U16, U8 } from "../session/layout.ts";
import { reasonText } from "../session/path_reason.ts";
import type { SessionRecords } from "../session/session_records.ts";
import { formatSessionId, parseSessionId } from "../session/session_id.ts";
import { SessionViewer, usedSlots } from "../session/session_view.ts";
import { STATE, TCP_FIN, TCP_RST } from "../session/tcp_state.ts";
import { type Endpoint, formatEndpoint } from "../wire/address.ts";
import { PROTOCOL_UDP, protocolName } from "../wire/protocol.ts";
import type { BypassTally } from "./bypass_tally.ts";
import type { BookEvent, InstructionEntry } from "./instruction_book.ts";

/** Agent flags of a record, as told to the worker so far. */
const SAW_FIN = 1;
const SAW_RST = 2;

/**
 * The main thread's side of the session table: what a slot's session is called, and the part of
 * each record that this thread writes. Decides nothing.
 */
export class SessionNotes {
  readonly records: SessionRecords;
  readonly #events: EventLog;
  readonly #viewer: SessionViewer;
  #services: ReadonlyMap<string, ServiceConfig>;
  /** The same by VIP and protocol as one number, as they are asked for. */
  readonly #known = new Map<number, ServiceConfig | undefined>();
  /** Of each service that was asked about: its servers, as `address:port`. */
  readonly #servers = new Map<ServiceConfig, ReadonlySet<string>>();

  constructor(records: SessionRecords, events: EventLog, config: NatConfig) {
    this.records = records;
    this.#events = events;
    this.#viewer = new SessionViewer(records);
    this.#services = servicesByVip(config);
  }

  /** Returns how to find the services as they were before. */
  configure(config: NatConfig): (slot: number) => ServiceConfig | undefined {
    const before = this.#services;
    this.#services = servicesByVip(config);
    this.#known.clear();
    this.#servers.clear();
    return (slot) => before.get(this.#serviceKey(slot));
  }

  /** Absent when the configuration in force does not have it any more. */
  service(slot: number): ServiceConfig | undefined {
    const key = this.#vipNumber(slot);
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.has(key)) return known;
    const service = this.#services.get(this.#serviceKey(slot));
    this.#known.set(key, service);
    return service;
  }
  /** Whether the configuration in force has the session's server, as one of its service. */
  isServed(slot: number): boolean {
    const service = this.service(slot);
    if (service === undefined) return false;
    let servers = this.#servers.get(service);
    if (servers === undefined) {
      servers = new Set(service.servers.map(({ address }) => formatEndpoint(address)));
      this.#servers.set(service, servers);
    }
    return servers.has(this.server(slot));
  }
  /** The session's id as people see it. */
  session(slot: number): string {
    return formatSessionId(this.records.epoch, this.id(slot));
  }
  id(slot: number): number {
    return this.records.getF64(slot, F64.id);
  }
  /** `address:port`. */
  server(slot: number): string {
    return this.#viewer.endpointText(this.records.getU16(slot, U16.server));
  }
  client(slot: number): Endpoint {
    return this.#viewer.client(slot);
  }
  nat(slot: number): Endpoint {
    return this.#viewer.nat(slot);
  }
  protocol(slot: number): "tcp" | "udp" {
    return protocolName(this.records.getU8(slot, U8.protocol)) as "tcp" | "udp";
  }

  /** A session that is over keeps the reason that it had. */
  over(slot: number): boolean {
    const state = this.records.getU8(slot, U8.state);
    return state === STATE.closed || state === STATE.quarantine;
  }

  /** The slot of a session that lives, or 0. */
  find(session: string): number {
    const id = parseSessionId(this.records.epoch, session);
    if (id === null) return 0;
    for (const slot of usedSlots(this.records)) {
      if (this.id(slot) === id && this.records.getU8(slot, U8.state) !== STATE.quarantine) {
        return slot;
      }
    }
    return 0;
  }

  /** A question about servers, asked once for each however many sessions it has. */
  bySlot(ask: (server: string) => boolean): (slot: number) => boolean {
    const answers = new Map<number, boolean>();
    return (slot) => {
      const server = this.records.getU16(slot, U16.server);
      const known = answers.get(server);
      if (known !== undefined) return known;
      const answer = ask(this.#viewer.endpointText(server));
      answers.set(server, answer);
      return answer;
    };
  }

  /** The same about services. */
  byService(ask: (slot: number) => boolean): (slot: number) => boolean {
    const answers = new Map<number, boolean>();
    return (slot) => {
      const key = this.#vipNumber(slot);
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = ask(slot);
      answers.set(key, answer);
      return answer;
    };
  }

  /** Why the session is on its path, for all who ask from now on. */
  reason(slot: number, reason: number, value: number): void {
    this.records.setReasonValue(slot, value);
    this.records.setU8(slot, U8.reason, reason);
  }

  /** No instruction for now, for this reason; the worker may let the slot go. */
  decline(slot: number, reason: number, value: number): void {
    this.reason(slot, reason, value);
    this.records.setU8(slot, U8.instruction, INSTRUCTION.none);
    this.records.setU8(slot, U8.hold, HOLD_NONE);
  }

  /** An instruction has been sent; what its agent counts comes on top of what was counted before. */
  sent(slot: number, generation: number): void {
    const { records } = this;
    records.setGeneration(slot, generation);
    records.setU8(slot, U8.agentFlags, 0);
    records.setU8(slot, U8.instruction, INSTRUCTION.sent);
  }

  /**
   * Adds what the agent counted, to the session and to `tally`. Returns what that means for the session's
   * state: the TCP flags that it had not seen before, 0 for a first answer over UDP, null for nothing new.
   */
  count({ tag: slot, counters }: BookEvent, tally: BypassTally): number | null {
    const { records } = this;
    const packets = records.getBase(slot, DIRECT.packets) + counters.packets;
    const bytes = records.getBase(slot, DIRECT.bytes) + counters.bytes;
    const morePackets = Math.max(0, packets - records.getDirect(slot, DIRECT.packets));
    const moreBytes = Math.max(0, bytes - records.getDirect(slot, DIRECT.bytes));
    if (morePackets > 0) records.setDirect(slot, DIRECT.packets, packets);
    if (moreBytes > 0) records.setDirect(slot, DIRECT.bytes, bytes);
    if (morePackets > 0 || moreBytes > 0) {
      tally.noteCarried(this.serviceName(slot), morePackets, moreBytes);
    }
    if ((counters.lastUsedMs ?? 0) > records.getF64(slot, F64.agentSeenMs)) {
      records.setF64(slot, F64.agentSeenMs, counters.lastUsedMs!);
    }
    if (counters.sequence !== null) records.setI32(slot, I32.agentSequence, counters.sequence | 0);
    const flags = (counters.fin ? SAW_FIN : 0) | (counters.rst ? SAW_RST : 0);
    const news = flags & ~records.getU8(slot, U8.agentFlags);
    if (news === 0) return this.#isFirstAnswer(slot, packets) ? 0 : null;
    records.setU8(slot, U8.agentFlags, flags);
    return ((news & SAW_FIN) !== 0 ? TCP_FIN : 0) | ((news & SAW_RST) !== 0 ? TCP_RST : 0);
  }

  /** What an agent needs to translate for this session. */
  entry(slot: number): InstructionEntry {
    const pathMtu = this.records.getU16(slot, U16.pathMtu);
    return {
      session: this.session(slot),
      protocol: this.protocol(slot),
      match: { source: this.server(slot), destination: this.#viewer.natText(slot) },
      rewrite: { source: this.vip(slot), destination: formatEndpoint(this.client(slot)) },
      ...(pathMtu !== 0 && { pathMtu }),
    };
  }

  log(type: string, slot: number, details: Record<string, string | number>): void {
    const { records } = this;
    this.#events.add(type, {
      session: this.session(slot),
      service: this.serviceName(slot),
      client: formatEndpoint(this.client(slot)),
      server: this.server(slot),
      reason: reasonText(records.getU8(slot, U8.reason), records.getReasonValue(slot)),
      ...details,
    });
  }

  /** Of one that the configuration does not have any more: its VIP. */
  serviceName(slot: number): string {
    return this.service(slot)?.name ?? this.vip(slot);
  }

  /** `address:port`. */
  vip(slot: number): string {
    return this.#viewer.endpointText(this.records.getU16(slot, U16.vip));
  }
  #isFirstAnswer(slot: number, packets: number): boolean {
    return packets > 0 && this.records.getU8(slot, U8.state) === STATE.opening &&
      this.records.getU8(slot, U8.protocol) === PROTOCOL_UDP;
  }
  #vipNumber(slot: number): number {
    return this.records.getU16(slot, U16.vip) * 256 + this.records.getU8(slot, U8.protocol);
  }
  #serviceKey(slot: number): string {
    return `${this.protocol(slot)} ${this.vip(slot)}`;
  }
}

/** By protocol and VIP: `tcp 203.0.113.10:80`. */
export function servicesByVip(config: NatConfig): Map<string, ServiceConfig> {
  return new Map(config.services.map((s) => [`${s.protocol} ${formatEndpoint(s.vip)}`, s]));
}
