import type { NatConfig, ServiceConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { type NatMessage, NO_COUNTERS } from "../control/messages.ts";
import { RateMeter } from "../policy/rate_meter.ts";
import { makeCounters } from "../session/counters.ts";
import { F64, FLAG, HOLD_INSTRUCTION, HOLD_NONE, regionBytes, U8 } from "../session/layout.ts";
import { REASON, reasonText } from "../session/path_reason.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { formatSessionId } from "../session/session_id.ts";
import { STATE } from "../session/tcp_state.ts";
import { IpAddress, parseEndpoint } from "../wire/address.ts";
import { PROTOCOL_TCP } from "../wire/protocol.ts";
import { BypassControl } from "./bypass_control.ts";
import { InstructionBook } from "./instruction_book.ts";
import { LoadGates } from "./load_gates.ts";
import { OperatorState } from "./operator_state.ts";
import { COMMAND } from "./worker_protocol.ts";

export const AGENT = "s1";
export const SERVER = "10.0.0.11:8080";
const VIP = "203.0.113.10:80";

export interface BypassWorldOptions {
  readonly start?: ServiceConfig["bypass"]["start"];
  readonly stop?: ServiceConfig["bypass"]["stop"];
  /** Most instructions of the agent. */
  readonly instructions?: number;
  readonly capacity?: number;
}

/**
 * A control with a table of its own and an agent that answers at once and reports every second. The
 * test lets sessions send, and time pass.
 */
export class BypassWorld implements Disposable {
  readonly table: SessionTable;
  readonly control: BypassControl;
  readonly book: InstructionBook;
  readonly events: EventLog;
  readonly counters = makeCounters();
  readonly rates: RateMeter;
  nowMs = 1_000_000;
  /** Whether the agent acknowledges stops. */
  acknowledges = true;
  /** Whether the agent reports. */
  reports = true;
  /** Whether the agent refuses what it is sent. */
  refuses = false;
  readonly #gates: LoadGates;
  readonly #folder = Deno.makeTempDirSync({ prefix: "bypath-bypass-" });
  readonly #start: ServiceConfig["bypass"]["start"];
  #lastReportMs: number;
  #nonce = 0;
  /** By session and generation: what the agent sent of it. */
  readonly #direct = new Map<string, { packets: number; bytes: number }>();
  readonly #held = new Map<string, { session: string; generation: number }>();
  readonly #stops: { session: string; generation: number }[] = [];

  constructor(options: BypassWorldOptions = {}) {
    const { capacity = 64 } = options;
    this.#start = options.start ?? { bytes: 65_536 };
    const config = bypassConfig(options);
    const region = new ArrayBuffer(regionBytes(capacity));
    formatTable(region, capacity, { epoch: 42, bootId: [1, 2, 3, 4] });
    this.table = new SessionTable(region, [7, 9]);
    this.rates = new RateMeter(new ArrayBuffer(RateMeter.bytesFor(capacity)));
    this.events = new EventLog({ capacity: 1024, now: () => this.nowMs });
    this.#gates = new LoadGates([this.counters], config);
    this.#lastReportMs = this.nowMs;
    this.control = new BypassControl({
      records: this.table,
      events: this.events,
      operator: new OperatorState(`${this.#folder}/operator`),
      config,
      gates: this.#gates,
      rates: this.rates,
      agentFor: () => ({ name: AGENT, able: true, lastReportMs: this.#lastReportMs }),
      command: (command, slot, id) => {
        if (command === COMMAND.rearm) this.#rearm(slot, id);
        return true;
      },
      now: () => this.nowMs,
    });
    this.book = new InstructionBook({
      epoch: "16",
      leaseMs: 10_000,
      marginMs: 1_000,
      firstGeneration: 1,
      send: (_agent, message) => this.#toAgent(message),
      changed: (event) => this.control.changed(event),
    });
    this.control.use(this.book);
    this.book.agentConnected(AGENT, { instance: "i", table: [], now: this.nowMs });
    this.#report();
  }

  /** An established session that is being watched. */
  session(client = `198.51.100.2:${40_000 + this.table.used}`): number {
    const { table } = this;
    const entry = (end: string) => {
      const { address, port } = parseEndpoint(end);
      return table.internEndpoint(Int32Array.from(address.words), 0, port);
    };
    const { address, port } = parseEndpoint(client);
    const slot = table.insert({
      addresses: Int32Array.from(address.words),
      clientOffset: 0,
      clientPort: port,
      vip: entry(VIP),
      server: entry(SERVER),
      natAddress: entry("10.0.1.1:0"),
      natPort: 2000 + table.used,
      protocol: PROTOCOL_TCP,
      state: STATE.established,
    }, this.nowMs);
    table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.armed);
    return slot;
  }

  /** The server sends: by the path that the session has. */
  send(slot: number, bytes: number, packets = 1): void {
    const { table } = this;
    const key = this.#held.get(this.#session(slot));
    if (key !== undefined && table.getU8(slot, U8.instruction) === 2) {
      const sent = this.#direct.get(nameOf(key)) ?? { packets: 0, bytes: 0 };
      this.#direct.set(nameOf(key), {
        packets: sent.packets + packets,
        bytes: sent.bytes + bytes,
      });
      return;
    }
    table.setF64(slot, F64.lastSeenMs, this.nowMs);
    table.addF64(slot, F64.packetsViaNat, packets);
    table.addF64(slot, F64.bytesViaNat, bytes);
    const viaNat = table.getF64(slot, F64.bytesViaNat);
    this.rates.sample(slot, this.nowMs, table.getF64(slot, F64.packetsViaNat), viaNat);
    const armed = (table.getU8(slot, U8.flags) & FLAG.armed) !== 0;
    const met = this.#start.immediately === true || viaNat >= (this.#start.bytes ?? Infinity);
    if (armed && met && table.getU8(slot, U8.hold) === HOLD_NONE) this.cross(slot);
  }

  /** As the worker does when a packet meets the criteria. */
  cross(slot: number): void {
    const { table } = this;
    table.setU8(slot, U8.hold, HOLD_INSTRUCTION);
    table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) & ~FLAG.armed);
    this.control.crossed(slot, table.getF64(slot, F64.id), REASON.bytes, this.#start.bytes ?? 0);
    this.#answer();
  }

  /** Lets seconds pass; `each` is called at the start of every one of them. */
  pass(seconds: number, each: () => void = () => {}): void {
    for (let n = 0; n < seconds; n++) {
      each();
      this.nowMs += 1000;
      if (this.reports) this.#report();
      this.book.tick(this.nowMs);
      this.#gates.look(this.nowMs);
      this.control.tick();
      this.#answer();
    }
  }

  reason(slot: number): string {
    return reasonText(this.table.getU8(slot, U8.reason), this.table.getReasonValue(slot));
  }

  bypasses(slot: number): boolean {
    return this.table.getU8(slot, U8.instruction) === 2;
  }

  isArmed(slot: number): boolean {
    return (this.table.getU8(slot, U8.flags) & FLAG.armed) !== 0;
  }

  /** What was told of a session, or of all. */
  told(type: string, slot?: number): Record<string, unknown>[] {
    return this.events.kept.filter((event) =>
      event.type === type && (slot === undefined || event.session === this.#session(slot))
    ) as unknown as Record<string, unknown>[];
  }

  facts(slot: number) {
    return this.control.facts(this.#session(slot));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }

  #session(slot: number): string {
    return formatSessionId(this.table.epoch, this.table.getF64(slot, F64.id));
  }

  #rearm(slot: number, id: number): void {
    const { table } = this;
    if (table.getF64(slot, F64.id) !== id || table.getU8(slot, U8.hold) !== HOLD_NONE) return;
    table.setU8(slot, U8.flags, table.getU8(slot, U8.flags) | FLAG.armed);
  }

  #toAgent(message: NatMessage): void {
    if (message.type === "stop") this.#stops.push(...message.entries);
    if (message.type !== "install") return;
    for (const { session, generation } of message.entries) {
      this.#held.set(session, { session, generation });
    }
  }

  /** What the agent answers to what it was sent meanwhile. */
  #answer(): void {
    const entries = [...this.#held.values()];
    if (this.refuses) {
      this.#held.clear();
      const refused = entries.map((key) => ({ ...key, reason: "full" as const, detail: "" }));
      return this.book.message(AGENT, { type: "installed", entries: [], refused }, this.nowMs);
    }
    this.book.message(AGENT, { type: "installed", entries, refused: [] }, this.nowMs);
    if (!this.acknowledges) return;
    for (const key of this.#stops.splice(0)) {
      this.#held.delete(key.session);
      const counters = { ...NO_COUNTERS, ...this.#direct.get(nameOf(key)), idleMs: 0 };
      const entry = { ...key, known: true, reason: null, ...counters };
      this.book.message(AGENT, { type: "stopped", entries: [entry] }, this.nowMs);
    }
  }

  #report(): void {
    const entries = [...this.#held.values()].flatMap((key) => {
      const sent = this.#direct.get(nameOf(key));
      return sent === undefined ? [] : [{ ...key, ...NO_COUNTERS, ...sent, idleMs: 0 }];
    });
    this.#nonce++;
    const report = { type: "report", nonce: this.#nonce, able: true, reason: null } as const;
    this.book.message(AGENT, { ...report, entries }, this.nowMs);
    this.#lastReportMs = this.nowMs;
  }
}

function nameOf({ session, generation }: { session: string; generation: number }): string {
  return `${session} ${generation}`;
}

/** As far as the control looks at it. */
export function bypassConfig({ start, stop, instructions }: BypassWorldOptions): NatConfig {
  const snat = IpAddress.parse("10.0.1.1");
  return {
    snat: { addresses: [{ first: snat, last: snat }], portFirst: 2000, portLast: 65_535 },
    services: [{
      name: "web",
      protocol: "tcp",
      vip: parseEndpoint(VIP),
      scheduler: "maglev",
      servers: [{ address: parseEndpoint(SERVER), weight: 1 }],
      bypass: { start: start ?? { bytes: 65_536 }, stop: stop ?? {} },
    }],
    ...(instructions !== undefined && { control: { instructions } }),
  } as unknown as NatConfig;
}
