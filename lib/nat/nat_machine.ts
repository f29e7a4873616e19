import type { NatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { silentAfterMs } from "../control/agent_server.ts";
import type { Ability } from "../control/messages.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { PacketThread } from "../datapath/packet_thread.ts";
import { bootTimeMs } from "../linux/clock.ts";
import type { NamespaceName } from "../linux/namespace_name.ts";
import { HEADER_F64 } from "../session/layout.ts";
import { Journal } from "../session/journal.ts";
import { AgentEvents } from "./agent_events.ts";
import { AgentRegistry, type KnownAgent, obstacleFor } from "./agent_registry.ts";
import { RateMeter } from "../policy/rate_meter.ts";
import { BypassTally } from "./bypass_tally.ts";
import { Captures } from "./captures.ts";
import { BypassControl } from "./bypass_control.ts";
import type { Announcing } from "./announcing.ts";
import { LoadGates } from "./load_gates.ts";
import type { AgentDoor } from "./agent_door.ts";
import { DrainWatch } from "./drain_watch.ts";
import { FirstHop } from "./first_hop.ts";
import type { HostRoutes } from "./host_routes.ts";
import { InstructionBook } from "./instruction_book.ts";
import type { EndpointHold } from "./instruction_hold.ts";
import { LeaseRecord } from "./lease_record.ts";
import { serverViews, viewSources } from "./nat_views.ts";
import { hostOf, OperatorState } from "./operator_state.ts";
import { ProgressControl } from "./progress_control.ts";
import { REASON } from "../session/path_reason.ts";
import { MetricsDoor } from "../metrics/metrics_door.ts";
import { natMetrics } from "./nat_metrics.ts";
import { ServerPool } from "./server_pool.ts";
import { serverObstacle } from "./server_obstacle.ts";
import { Shortages } from "./shortages.ts";
import type { StateFile } from "./state_file.ts";
import { TableRecovery } from "./table_recovery.ts";
import type { ReliefTargets } from "./relief.ts";
import { reliefTargetsOf, reloadTargetsOf } from "./machine_changes.ts";
import type { ReloadTargets } from "./reload.ts";
import { UnheardAgents } from "./unheard_agents.ts";
import { ServiceTraffic } from "../session/service_traffic.ts";
import {
  COMMAND,
  crossedMs,
  EVENT,
  type NatWorkerMessage,
  type NatWorkerStart,
  reasonOf,
} from "./worker_protocol.ts";

/** What a lease is prolonged by on this side, for clocks of different rates and packets in flight. */
export const LEASE_MARGIN_MS = 1_000;
/** The lease when no control channel is configured; nothing uses it. */
export const NO_LEASE_MS = 10_000;
const KEPT_EVENTS = 4096;
/** How often `tick` is called. */
export const TICK_MS = 100;
/** Two seconds: it goes through the whole table. */
const DRAIN_TICKS = 20;
/** A minute. */
const FORGETTING_TICKS = 600;

/**
 * A running NAT machine: the packet worker, the session table it works on, the agents, health
 * checks and the operator's orders. Made by `startNatMachine`; disposing of it leaves the
 * host as it was found.
 */
export class NatMachine {
  config: NatConfig;
  /** Towards agents; null: no control channel. */
  identity: IdentityPem | null;
  readonly events = new EventLog({ capacity: KEPT_EVENTS, now: Date.now });
  readonly agents = new AgentRegistry();
  readonly agentEvents = new AgentEvents(this.events, bootTimeMs);
  readonly operator: OperatorState;
  readonly state: StateFile;
  readonly name: NamespaceName;
  readonly journal = new Journal();
  readonly startedMs = bootTimeMs();
  readonly bypass: BypassControl;
  readonly book: InstructionBook;
  readonly leases: LeaseRecord;
  readonly unheard: UnheardAgents;
  readonly recovery: TableRecovery;
  readonly progress: ProgressControl;
  readonly gates: LoadGates;
  readonly firstHop: FirstHop;
  readonly servers: ServerPool;
  readonly tally = new BypassTally();
  readonly metrics: MetricsDoor = new MetricsDoor(() => natMetrics(this));
  readonly captures: Captures;
  ready = false;
  readonly #thread: PacketThread;
  readonly #routes: HostRoutes;
  readonly #door: AgentDoor | null;
  readonly #announcing: Announcing;
  readonly #shortages: Shortages;
  /** Rates of sessions, where the criteria ask for them: written by the worker. */
  readonly #rates: SharedArrayBuffer;
  readonly #traffic = new SharedArrayBuffer(ServiceTraffic.BYTES);
  readonly #drains: DrainWatch;
  /** What a reload does to this machine. */
  readonly reloadTargets: ReloadTargets;
  /** What a takeover does to it as the one that lets go. */
  readonly relief: ReliefTargets;
  #ticks = 0;

  constructor(parts: {
    config: NatConfig;
    identity: IdentityPem | null;
    state: StateFile;
    /** That this is the NAT machine of its network namespace. */
    name: NamespaceName;
    /** Its events go to `workerEvent`. */
    thread: PacketThread;
    door: (machine: NatMachine) => AgentDoor | null;
    routes: HostRoutes;
    announcing: (machine: NatMachine) => Announcing;
    hold: EndpointHold;
  }) {
    this.config = parts.config;
    this.identity = parts.identity;
    this.state = parts.state;
    this.name = parts.name;
    this.leases = new LeaseRecord(parts.state.records.headerF64, bootTimeMs());
    this.#routes = parts.routes;
    this.operator = new OperatorState(`${parts.config.state}.operator`);
    if (this.operator.damaged !== null) {
      this.events.add("operator-state-lost", { why: this.operator.damaged });
    }
    this.#thread = parts.thread;
    this.#shortages = new Shortages(this.#thread.counters, this.events);
    this.#door = parts.door(this);
    this.#announcing = parts.announcing(this);
    this.gates = new LoadGates(this.#thread.counters, this.config);
    this.#rates = new SharedArrayBuffer(RateMeter.bytesFor(this.state.records.capacity));
    this.bypass = new BypassControl({
      records: this.state.records,
      events: this.events,
      operator: this.operator,
      config: this.config,
      agentFor: (server) => this.agents.stateFor(server),
      command: (command, slot, id, value) => this.#thread.command(command, slot, id, value),
      gates: this.gates,
      rates: new RateMeter(this.#rates),
      tally: this.tally,
      now: bootTimeMs,
    });
    this.book = new InstructionBook({
      epoch: this.epoch,
      leaseMs: this.config.control?.leaseMs ?? NO_LEASE_MS,
      marginMs: LEASE_MARGIN_MS,
      firstGeneration: this.state.records.headerF64[HEADER_F64.generation]!,
      send: (agent, message) => this.#door?.send(agent, message),
      changed: (event) => {
        this.progress.changed(event);
        this.bypass.changed(event);
      },
    });
    this.bypass.use(this.book);
    this.unheard = new UnheardAgents({
      records: this.state.records,
      instructions: () => this.book.instructions(bootTimeMs()),
    });
    this.recovery = new TableRecovery({
      hold: parts.hold,
      events: this.events,
      config: () => this.config,
      post: (message) => this.#post(message),
      changed: () => this.servers.refresh(),
    });
    this.progress = new ProgressControl({
      records: this.state.records,
      stopSession: (...stop) => this.bypass.stopSession(...stop),
      able: (server) => {
        this.firstHop.proven(server);
        this.bypass.reconsider((it) => hostOf(it) === server);
      },
      instructions: () => this.book.instructions(bootTimeMs()),
      event: (type, details) => this.events.add(type, details),
      now: bootTimeMs,
    });
    this.firstHop = new FirstHop({
      records: this.state.records,
      agents: this.agents,
      paths: this.progress.paths,
      config: () => this.config,
      send: (agent, probe) => this.#door?.send(agent, probe),
      expect: (nonce) => this.#thread.command(COMMAND.expectProbe, 0, nonce, 0),
      reconsider: (speaksFor) => this.bypass.reconsider(speaksFor),
      event: (type, details) => this.events.add(type, details),
      now: bootTimeMs,
    });
    this.bypass.obstacles.push(this.firstHop.obstacle, this.progress.obstacle);
    this.servers = new ServerPool({
      config: this.config,
      records: this.state.records,
      events: this.events,
      isBarred: (service, { name, endpoint }) =>
        this.operator.drains(name) ||
        !this.recovery.allows(service, String(endpoint.address), bootTimeMs()),
      changed: (server, status) => {
        if (this.relief.isFrozen) return;
        if (status === "down") this.bypass.stopServers((it) => it === server, REASON.serverDown);
        else this.bypass.reconsider((it) => it === server);
      },
      now: bootTimeMs,
    });
    this.bypass.obstacles.push(serverObstacle(this));
    this.captures = new Captures(
      this,
      this.#thread,
      (agent, message) => this.#door?.send(agent, message),
    );
    this.#drains = new DrainWatch(this.events, () => serverViews(viewSources(this)));
    const changing = {
      thread: this.#thread,
      routes: this.#routes,
      door: this.#door,
      announcing: this.#announcing,
      drains: this.#drains,
    };
    this.reloadTargets = reloadTargetsOf(this, changing);
    this.relief = reliefTargetsOf(this, changing);
  }

  /** Names the session table towards agents. */
  get epoch(): string {
    return this.state.records.epoch.toString(36);
  }

  get counters(): Float64Array {
    return this.#thread.counters;
  }

  /** Of each packet worker: what it counted, and that by service. */
  get workers(): readonly { readonly counters: Float64Array; readonly traffic: ServiceTraffic }[] {
    return [{ counters: this.counters, traffic: new ServiceTraffic(this.#traffic) }];
  }

  /**
   * Takes the table and the sockets; packets wait until `open`.
   * @param sockets of the process before, one for each interface that it had
   */
  async prepare(sockets?: readonly (number | null)[]): Promise<void> {
    const { mapping } = this.state;
    const start: NatWorkerStart = {
      kind: "start",
      config: this.servers.datapath(this.config),
      silentUntilMs: this.recovery.silentUntilMs(bootTimeMs()),
      interfaces: this.config.interfaces,
      ...(sockets !== undefined && { sockets }),
      shared: this.#thread.shared,
      pace: { cpu: this.config.cpus?.[0] ?? null, busyPollMs: this.config.busyPollUs / 1000 },
      journal: this.journal.buffer,
      table: { address: mapping.address, lengthBytes: mapping.lengthBytes },
      closedGates: this.gates.closed.buffer,
      rates: this.#rates,
      signs: this.servers.signs.buffer,
      affinity: this.servers.affinity,
      traffic: this.#traffic,
      key: this.servers.key,
    };
    await this.#thread.start(start);
    this.bypass.restore(this.leases.earlierMs);
    this.unheard.restored();
  }

  /** Carries packets and admits agents. */
  async open(): Promise<void> {
    this.#post({ kind: "resume" });
    this.leases.use(this.config.control?.leaseMs ?? 0);
    await this.#door?.open();
    await this.#announcing.use(this.config);
    this.ready = true;
    this.events.add("started", {
      sessions: this.state.records.used,
      continued: this.state.continued,
      replaced: this.state.replaced,
    });
  }

  /** To be called every {@linkcode TICK_MS}. */
  tick(): void {
    if (this.relief.isFrozen) return;
    const now = bootTimeMs();
    this.#thread.drain();
    this.book.tick(now);
    this.progress.tick();
    this.firstHop.tick();
    this.recovery.tick(now);
    this.#listen(now);
    this.servers.tick();
    if (this.#ticks++ % 10 !== 0) return;
    this.gates.look(now);
    this.bypass.tick();
    this.progress.lookAtAll();
    this.unheard.tick();
    this.leases.tick(now);
    this.#shortages.look(now);
    if (this.#ticks % DRAIN_TICKS === 1) this.#drains.look();
    if (this.#ticks % FORGETTING_TICKS === 1) this.#forgetSessions();
  }

  /** A server takes no new sessions, and its responses go via NAT, until it is undrained. */
  drain(server: string): void {
    this.operator.drain(server);
    this.#drains.begin();
    this.bypass.stopServers((it) => this.operator.drains(it), REASON.draining);
    this.servers.refresh();
    this.events.add("draining", { server });
  }

  undrain(server: string): boolean {
    const was = this.operator.undrain(server);
    this.servers.refresh();
    this.bypass.reconsider((it) => !this.operator.drains(it));
    if (was) this.events.add("undrained", { server });
    return was;
  }

  /** An agent that was silent has reported again. */
  agentHeard(agent: KnownAgent): void {
    agent.silent = false;
    this.unheard.end(agent.name);
    this.events.add("agent-heard", { agent: agent.name });
    this.agentReconsidered(agent);
  }

  /** An agent has become able to bypass, or is no longer, in one family or in both. */
  agentAble(agent: KnownAgent, { able, reason, unable = {} }: Ability): void {
    if (agent.able === able && agent.reason === reason) return;
    agent.able = able;
    agent.reason = reason;
    agent.unable = unable;
    this.agentEvents.add(able ? "agent-able" : "agent-unable", agent.name, { reason });
    const isUnable = (server: string) =>
      this.agents.speakingFor(server) === agent && obstacleFor(agent, server) !== null;
    this.bypass.stopServers(isUnable, REASON.agentUnable);
    this.agentReconsidered(agent);
  }

  /** What an agent says of itself is news: the criteria decide again for those of its servers that can bypass. */
  agentReconsidered(agent: KnownAgent): void {
    this.bypass.reconsider((server) =>
      this.agents.speakingFor(server) === agent && obstacleFor(agent, server) === null
    );
  }

  /** Ends in order; sessions and instructions stay for the next process. */
  async stop(): Promise<void> {
    this.ready = false;
    await this.metrics[Symbol.asyncDispose]();
    this.captures.stopAll();
    this.servers[Symbol.dispose]();
    await this.#announcing[Symbol.asyncDispose]();
    await this.#door?.close("the NAT machine stops");
    await this.#thread.stop();
  }

  /** An event of the packet worker. */
  workerEvent(event: number, slot: number, id: number, value: number): void {
    if ((event & 0xff) === EVENT.crossed) {
      this.bypass.crossed(slot, id, reasonOf(event), value, crossedMs(event, bootTimeMs()));
    } else if ((event & 0xff) === EVENT.ended) this.bypass.ended(slot, id);
    else if ((event & 0xff) === EVENT.pathMtu) this.bypass.pathMtuChanged(slot, id);
    else if ((event & 0xff) === EVENT.probe) this.firstHop.seen(id);
    else if ((event & 0xff) === EVENT.undelivered) this.progress.undelivered(slot, id, value);
    else if ((event & 0xff) === EVENT.rebuilt) {
      this.events.add("sessions-rebuilt", { sessions: slot, conflicts: id, withoutRoom: value });
    }
  }

  /** Notices agents that have fallen silent. */
  #listen(now: number): void {
    const { control } = this.config;
    if (control === undefined) return;
    for (const { name } of this.agents.fallSilent(now, silentAfterMs(control.reportMs))) {
      this.unheard.begin(name);
      this.events.add("agent-silent", { agent: name });
    }
  }

  /** An order about a session that is over says nothing any more. */
  #forgetSessions(): void {
    for (const session of this.operator.orders.sessions) {
      if (this.bypass.find(session) === 0) this.operator.forget(session);
    }
  }

  #post(message: NatWorkerMessage): void {
    this.#thread.post(message);
  }
}
