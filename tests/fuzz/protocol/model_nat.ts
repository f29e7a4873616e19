import { EventLog } from "../../../lib/control/event_log.ts";
import type { AgentMessage, NatMessage, TableEntry } from "../../../lib/control/messages.ts";
import type { NatConfig } from "../../../lib/config/nat_config.ts";
import {
  AgentRegistry,
  announcementFor,
  type KnownAgent,
  obstacleFor,
} from "../../../lib/nat/agent_registry.ts";
import { BypassControl } from "../../../lib/nat/bypass_control.ts";
import { type DatapathConfig, datapathConfig } from "../../../lib/nat/datapath_config.ts";
import { HELD_FRAGMENT_BYTES, HELD_FRAGMENTS } from "../../../lib/nat/fragment_translator.ts";
import { type BookEvent, InstructionBook } from "../../../lib/nat/instruction_book.ts";
import { type EndpointHold } from "../../../lib/nat/instruction_hold.ts";
import { LeaseRecord } from "../../../lib/nat/lease_record.ts";
import type { OperatorState } from "../../../lib/nat/operator_state.ts";
import { ProgressControl } from "../../../lib/nat/progress_control.ts";
import { CLOSE } from "../../../lib/nat/session_keeper.ts";
import { TableRecovery } from "../../../lib/nat/table_recovery.ts";
import { Translator } from "../../../lib/nat/translator.ts";
import { UnheardAgents } from "../../../lib/nat/unheard_agents.ts";
import { COMMAND, EVENT, type NatWorkerMessage } from "../../../lib/nat/worker_protocol.ts";
import {
  DICTIONARY_ENTRY_BYTES,
  F64,
  HEADER,
  HEADER_BYTES,
  HEADER_F64,
  RECORD_BYTES,
  recordsOffset,
  regionBytes,
} from "../../../lib/session/layout.ts";
import { ServerBoard } from "../../../lib/policy/server_board.ts";
import { REASON } from "../../../lib/session/path_reason.ts";
import { formatSessionId } from "../../../lib/session/session_id.ts";
import { formatTable, SessionRecords } from "../../../lib/session/session_records.ts";
import { SessionTable } from "../../../lib/session/session_table.ts";
import { formatEndpoint } from "../../../lib/wire/address.ts";
import type { Random } from "../support/random.ts";
import { Slot } from "../support/slot.ts";
import { type BrokenRules, CAPACITY, LEASE_MS, MARGIN_MS, RING } from "./settings.ts";
import { killAfter } from "./torn.ts";

/** What a ring carries. */
type Words = readonly [number, number, number, number];

export interface NatSurroundings {
  readonly region: ArrayBuffer;
  readonly config: NatConfig;
  readonly operator: OperatorState;
  readonly hold: EndpointHold;
  readonly random: Random;
  readonly broken: BrokenRules;
  now(): number;
  /** Hands a message to that agent's connection. */
  send(agent: string, message: NatMessage): void;
  /** A packet of the translator's own leaves. */
  emit(bytes: Uint8Array<ArrayBuffer>): void;
  /** The book says so. */
  ended(epoch: string, event: BookEvent & { kind: "ended" }): void;
  displaced(session: string): void;
}

/** An agent that has not reported for so long is silent. */
const SILENT_MS = 1500;

// Never used: no fragments pass. And large, so all models share it.
const fragmentMemory = new ArrayBuffer(HELD_FRAGMENTS * HELD_FRAGMENT_BYTES);
const slot = new Slot();
const NO_VNET_HEADER = new Uint8Array(10);

/** An empty table in a region that may have been another's. */
export function emptyRegion(region: ArrayBuffer | null, epoch: number): ArrayBuffer {
  if (region === null) region = new ArrayBuffer(regionBytes(CAPACITY));
  else {
    const used = new Int32Array(region, 0, HEADER_BYTES / 4)[HEADER.dictionaryUsed]!;
    const names = HEADER_BYTES + used * DICTIONARY_ENTRY_BYTES;
    new Uint8Array(region, 0, names).fill(0);
    new Uint8Array(region, recordsOffset(), (CAPACITY + 1) * RECORD_BYTES).fill(0);
  }
  formatTable(region, CAPACITY, { epoch, bootId: [] });
  return region;
}

/**
 * One process of a NAT machine: all that decides is real; what `NatMachine` does with threads,
 * sockets and timers is done here, step by step, when the world says so.
 */
export class ModelNat {
  readonly table: SessionTable;
  readonly book: InstructionBook;
  readonly bypass: BypassControl;
  readonly agents = new AgentRegistry();
  config: NatConfig;
  isKilled = () => false;
  readonly #records: SessionRecords;
  readonly #translator: Translator;
  readonly #around: NatSurroundings;
  readonly #events: Words[] = [];
  readonly #commands: Words[] = [];
  readonly #messages: NatWorkerMessage[] = [];
  readonly #boards = new Map<string, ServerBoard>();
  readonly #progress: ProgressControl;
  readonly #unheard: UnheardAgents;
  readonly #recovery: TableRecovery;

  constructor(around: NatSurroundings) {
    this.#around = around;
    this.config = around.config;
    this.#records = new SessionRecords(around.region);
    const { now, random, broken, operator } = around;
    const events = new EventLog({ capacity: 16, now });
    this.bypass = new BypassControl({
      records: this.#records,
      events,
      operator,
      config: this.config,
      agentFor: (server) => this.agents.stateFor(server),
      command: (...words) => this.#commands.length < RING && this.#commands.push(words) > 0,
      now,
    });
    this.book = new InstructionBook({
      epoch: this.epoch,
      leaseMs: broken.leaseEndsEarly ? LEASE_MS / 8 : LEASE_MS,
      marginMs: broken.leaseEndsEarly ? 0 : MARGIN_MS,
      firstGeneration: this.#records.headerF64[HEADER_F64.generation]!,
      send: (agent, message) => around.send(agent, message),
      changed: (event) => {
        if (event.kind === "ended") around.ended(this.epoch, event);
        this.#progress.changed(event);
        this.bypass.changed(event);
      },
    });
    this.bypass.use(this.book);
    const instructions = () => this.book.instructions(now());
    this.#unheard = new UnheardAgents({ records: this.#records, instructions });
    this.#recovery = new TableRecovery({
      hold: around.hold,
      events,
      config: () => this.config,
      workers: 1,
      ask: (message) => {
        this.#messages.push(message);
        return null;
      },
      tell: (message) => this.#messages.push(message),
      changed: () => this.#shareOut(),
    });
    this.#progress = new ProgressControl({
      records: this.#records,
      stopSession: (...stop) => this.bypass.stopSession(...stop),
      able: (server) => this.bypass.reconsider((it) => it.startsWith(`${server}:`)),
      instructions,
      event: () => {},
      now,
    });
    this.bypass.obstacles.push(this.#progress.obstacle);
    const leases = new LeaseRecord(this.#records.headerF64, now());
    if (!broken.noRestore) this.bypass.restore(leases.earlierMs);
    leases.use(LEASE_MS);
    this.table = new SessionTable(around.region, [random.word(), random.word()]);
    const hopEpoch = (this.table.header[HEADER.hopEpoch]! + 1) % 65535 + 1;
    this.table.header[HEADER.hopEpoch] = hopEpoch;
    this.#translator = new Translator({
      table: this.table,
      hops: { epoch: hopEpoch, toAddress: () => 1, mtu: () => 1500 },
      events: {
        crossed: (at, id, reason, value) => this.#tell(EVENT.crossed + 256 * reason, at, id, value),
        ended: (at, id) => this.#tell(EVENT.ended, at, id, 0),
        pathMtu: (at, id, mtu) => this.#tell(EVENT.pathMtu, at, id, mtu),
        undelivered: (at, id, why) => this.#tell(EVENT.undelivered, at, id, why),
        opened: () => {},
        closed: (at, reason) => {
          if (reason === CLOSE.displaced) around.displaced(this.#session(at));
        },
      },
      sender: {
        emit: (bytes) => {
          around.emit(bytes.slice());
          return true;
        },
        follow: () => {
          throw new Error("a fragment, where there are none");
        },
      },
      fragmentMemory: { buffer: fragmentMemory, offset: 0 },
      config: this.#datapath(this.config),
      random: () => random.fraction(),
      nowMs: now(),
    });
    this.#translator.silence(this.#recovery.silentUntilMs(now()));
    this.#shareOut();
    this.#receive();
  }

  /** Names the session table towards agents. */
  get epoch(): string {
    return this.#records.epoch.toString(36);
  }

  /** Puts one packet through the worker: what leaves, or null. */
  packet(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | null {
    if (slot.receive({ bytes, vnet: NO_VNET_HEADER }) !== 0) throw new Error("a malformed packet");
    const verdict = this.#translator.handle(slot.packet, slot.at, this.#around.now());
    return verdict > 0 ? slot.bytes.slice() : null;
  }

  /** What the worker does between batches. */
  maintain(): void {
    const now = this.#around.now();
    for (const [command, at, id, value] of this.#commands.splice(0)) {
      if (command === COMMAND.rearm) this.#translator.rearm(at, id);
      else this.#translator.agentSaw(at, id, value, now);
    }
    this.#receive();
    this.#translator.expire(now, 256);
  }

  /** The worker takes what the main thread posted. */
  #receive(): void {
    for (const message of this.#messages.splice(0)) {
      if (message.kind === "configure") {
        this.#translator.configure(message.config);
      } else if (message.kind === "silence") this.#translator.silence(message.untilMs);
      else if (message.kind === "rebuild") {
        for (const session of message.sessions) {
          this.#translator.rebuild(session, this.#around.now());
        }
      }
    }
  }

  /** The main thread takes what the worker told: at most so many. */
  drain(count: number): void {
    for (const [event, at, id, value] of this.#events.splice(0, count)) {
      if ((event & 0xff) === EVENT.crossed) this.bypass.crossed(at, id, event >> 8, value);
      else if ((event & 0xff) === EVENT.ended) this.bypass.ended(at, id);
      else if ((event & 0xff) === EVENT.pathMtu) this.bypass.pathMtuChanged(at, id);
      else this.#progress.undelivered(at, id, value);
    }
  }

  tick(): void {
    this.drain(RING);
    const now = this.#around.now();
    this.book.tick(now);
    this.#progress.tick();
    this.#recovery.tick(now);
    for (const { name } of this.agents.fallSilent(now, SILENT_MS)) this.#unheard.begin(name);
    this.bypass.tick();
    this.#progress.lookAtAll();
    this.#unheard.tick();
  }

  connected(
    name: string,
    greeting: { address: string; instance: string; able: boolean; table: TableEntry[] },
  ): void {
    const { address, instance, able, table } = greeting;
    const now = this.#around.now();
    const ability = { able, reason: able ? null : "told so" };
    const before = this.agents.get(name);
    const agent = this.agents.connected(name, [address], { ...ability, instance, now });
    const predecessorLives = before !== undefined && before.instance !== instance && !before.gone;
    const offers = this.book.agentConnected(name, { instance, table, now, predecessorLives });
    this.#unheard.end(name);
    this.#recovery.agentConnected({ name, addresses: [address] }, offers, now);
    if (able) this.#reconsider(agent);
  }

  message(name: string, message: AgentMessage): void {
    const now = this.#around.now();
    this.book.message(name, message, now);
    const agent = this.agents.get(name);
    if (message.type !== "report" || agent === undefined) return;
    agent.lastReportMs = now;
    if (agent.silent) {
      agent.silent = false;
      this.#unheard.end(name);
      this.#reconsider(agent);
    }
    if (agent.able === message.able) return;
    agent.able = message.able;
    const isUnable = (server: string) =>
      this.agents.speakingFor(server) === agent && obstacleFor(agent, server) !== null;
    this.bypass.stopServers(isUnable, REASON.agentUnable);
    this.#reconsider(agent);
  }

  /** @param hungUp its process is known to be no more */
  lost(name: string, hungUp: boolean): void {
    const agent = this.agents.get(name);
    if (agent) {
      agent.connected = false;
      agent.gone = hungUp;
    }
    this.book.agentLost(name);
    if (hungUp) this.#unheard.begin(name);
  }

  configure(config: NatConfig): void {
    this.config = config;
    this.#messages.push({ kind: "configure", config: this.#datapath(config) });
    // The main thread goes on when the worker has answered.
    this.#receive();
    this.bypass.configure(config);
    this.#progress.configure(config);
  }

  drainServer(server: string): void {
    this.#around.operator.drain(server);
    this.bypass.stopServers((it) => this.#around.operator.drains(it), REASON.draining);
    this.#shareOut();
  }

  undrainServer(server: string): void {
    this.#around.operator.undrain(server);
    this.#shareOut();
    this.bypass.reconsider((it) => !this.#around.operator.drains(it));
  }

  announcement(address: string) {
    return announcementFor(this.config, [address]);
  }

  /** From now on this process lives for so many writes to its table. */
  killAfter(writes: number): void {
    this.isKilled = killAfter([this.table, this.#records], writes);
  }

  #session(at: number): string {
    return formatSessionId(this.#records.epoch, this.#records.getF64(at, F64.id));
  }

  #tell(event: number, at: number, id: number, value: number): boolean {
    return this.#events.length < RING && this.#events.push([event, at, id, value]) > 0;
  }

  #reconsider(agent: KnownAgent): void {
    this.bypass.reconsider((server) =>
      this.agents.speakingFor(server) === agent && obstacleFor(agent, server) === null
    );
  }

  /** With the memory in which the worker sees who may get new sessions. */
  #datapath(config: NatConfig): DatapathConfig {
    const datapath = datapathConfig(config);
    const services = datapath.services.map((service, at) => ({
      ...service,
      board: this.#boardOf(config.services[at]!).buffer,
    }));
    this.#shareOut(config);
    return { ...datapath, services };
  }

  /** The same for the same servers. */
  #boardOf({ name, servers }: NatConfig["services"][number]): ServerBoard {
    const list = servers.map(({ address, weight }) => ({ name: formatEndpoint(address), weight }));
    const key = JSON.stringify([name, list]);
    const board = this.#boards.get(key) ?? new ServerBoard(list);
    this.#boards.set(key, board);
    return board;
  }

  #shareOut({ services } = this.config): void {
    for (const service of services) {
      const { shares } = this.#boardOf(service);
      service.servers.forEach(({ address: { address, port } }, at) => {
        const takes = !this.#around.operator.drains(`${address}:${port}`) &&
          this.#recovery.allows(service, String(address), this.#around.now());
        shares[at] = takes ? 1 : 0;
      });
    }
  }
}
