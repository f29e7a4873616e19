import type { NatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import { silentAfterMs } from "../control/agent_server.ts";
import type { Ability } from "../control/messages.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { PacketExchange } from "../datapath/packet_exchange.ts";
import type { PacketThreads } from "../datapath/packet_threads.ts";
import { bootTimeMs } from "../linux/clock.ts";
import type { NamespaceName } from "../linux/namespace_name.ts";
import type { RouteNetlink } from "../linux/rtnetlink.ts";
import { ingressFilter } from "../datapath/ingress_filter.ts";
import { hopInterface } from "../datapath/next_hops.ts";
import { DICTIONARY_ENTRIES, HEADER, HEADER_F64, U16 } from "../session/layout.ts";
import { destinationsOf, natPrefixes } from "./datapath_config.ts";
import { steeringProgram } from "./steering_program.ts";
import { type SteeringRule, steeringRule } from "./steering.ts";
import { type PassedSockets, shareInterfaces, steerAnew } from "./worker_sockets.ts";
import { Journals } from "../session/journal.ts";
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
import { viewSources } from "./nat_views.ts";
import { serverRows } from "./server_views.ts";
import { hostOf, namesServer, OperatorState } from "./operator_state.ts";
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
import { shieldFailure } from "./shield_failure.ts";
import { CensusTaker } from "./table_census.ts";
import { UnheardAgents } from "./unheard_agents.ts";
import { ServiceTraffic } from "../session/service_traffic.ts";
import {
  COMMAND,
  crossedMs,
  EVENT,
  type NatWorkerStart,
  reasonOf,
  type WorkerSharing,
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
  readonly journals: Journals;
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
  readonly census: CensusTaker;
  ready = false;
  readonly #threads: PacketThreads;
  readonly #routes: HostRoutes;
  readonly #door: AgentDoor | null;
  readonly #announcing: Announcing;
  readonly #shortages: Shortages;
  /** Rates of sessions, where the criteria ask for them: written by the worker. */
  readonly #rates: SharedArrayBuffer;
  readonly #traffic: readonly SharedArrayBuffer[];
  /** By packet worker and interface: the numbers of their sockets; none where they open their own. */
  #sockets: (readonly number[])[][] = [];
  readonly #drains: DrainWatch;
  readonly #warn: (message: string) => void;
  /** Slots that were held when the table was taken over, until `open`. */
  #held: readonly number[] = [];
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
    threads: PacketThreads;
    door: (machine: NatMachine) => AgentDoor | null;
    routes: HostRoutes;
    announcing: (machine: NatMachine) => Announcing;
    hold: EndpointHold;
    /** Tells what is worth telling though packets are carried. */
    warn: (message: string) => void;
  }) {
    this.config = parts.config;
    this.identity = parts.identity;
    this.state = parts.state;
    this.name = parts.name;
    this.census = new CensusTaker(parts.state.records);
    this.leases = new LeaseRecord(parts.state.records.headerF64, bootTimeMs());
    this.#routes = parts.routes;
    this.#warn = parts.warn;
    this.operator = new OperatorState(`${parts.config.state}.operator`);
    if (this.operator.damaged !== null) {
      this.events.add("operator-state-lost", { why: this.operator.damaged });
    }
    this.#threads = parts.threads;
    const { workers } = parts.config;
    this.journals = new Journals(workers);
    this.#traffic = Array.from(
      { length: workers },
      () => new SharedArrayBuffer(ServiceTraffic.BYTES),
    );
    this.#shortages = new Shortages(() => this.counters, this.events);
    this.#door = parts.door(this);
    this.#announcing = parts.announcing(this);
    this.gates = new LoadGates(this.#threads.counted, this.config);
    this.#rates = new SharedArrayBuffer(RateMeter.bytesFor(this.state.records.capacity));
    this.bypass = new BypassControl({
      records: this.state.records,
      events: this.events,
      operator: this.operator,
      config: this.config,
      agentFor: (server) => this.agents.stateFor(server),
      command: (command, slot, id, value) =>
        this.#threads.all[this.ownerOf(slot)]!.command(command, slot, id, value),
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
      workers,
      ask: async (message, worker) => await this.#threads.all[worker]!.request(message),
      tell: (message) => this.#threads.post(message),
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
      expect: (nonce) => this.#threads.command(COMMAND.expectProbe, 0, nonce, 0),
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
      this.#threads.all,
      (agent, message) => this.#door?.send(agent, message),
    );
    this.#drains = new DrainWatch(
      this.events,
      async () => serverRows(viewSources(this), await this.census.take()),
    );
    const changing = {
      threads: this.#threads,
      steer: (config: NatConfig) => this.#steer(config),
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

  /** Sums over the packet workers. */
  get counters(): Float64Array {
    return this.#threads.counters;
  }

  /** The counters of each packet worker. */
  get counted(): readonly Float64Array[] {
    return this.#threads.counted;
  }

  /** The packet worker that has the session in a slot. */
  ownerOf(slot: number): number {
    return this.state.records.getU16(slot, U16.natPort) % this.config.workers;
  }

  /** Of each packet worker: what it counted, and that by service. */
  get workers(): readonly { readonly counters: Float64Array; readonly traffic: ServiceTraffic }[] {
    return this.counted.map((counters, worker) => ({
      counters,
      traffic: new ServiceTraffic(this.#traffic[worker]!),
    }));
  }

  /**
   * Takes the table and the sockets; packets wait until `open`.
   * @param passed of the process before
   */
  async prepare(netlink: RouteNetlink, passed?: PassedSockets): Promise<void> {
    const { mapping, records } = this.state;
    const { workers, interfaces } = this.config;
    const rule = this.#steeringRule();
    const links = interfaces.map((name) => ({ name, index: hopInterface(netlink, name).index }));
    const program = steeringProgram(rule, natPrefixes(this.config));
    const filter = ingressFilter(destinationsOf(this.config));
    this.#sockets = shareInterfaces(links, { workers, program, filter, passed });
    const [k0, k1] = crypto.getRandomValues(new Int32Array(2));
    const sharing: WorkerSharing | undefined = workers === 1 ? undefined : {
      steering: rule,
      rings: PacketExchange.rings(workers),
      peers: this.#threads.all.map(({ shared: { signals, bell } }) => ({ signals, bell })),
      natAddresses: new SharedArrayBuffer(DICTIONARY_ENTRIES),
      identificationKey: [k0!, k1!],
    };
    const start = (worker: number): NatWorkerStart => ({
      kind: "start",
      part: { worker, workers },
      ...(sharing && { sharing }),
      config: this.servers.datapath(this.config),
      silentUntilMs: this.recovery.silentUntilMs(bootTimeMs()),
      interfaces: this.config.interfaces,
      sockets: this.#sockets[worker]!,
      shared: this.#threads.all[worker]!.shared,
      pace: { cpu: this.config.cpus?.[worker] ?? null, busyPollMs: this.config.busyPollUs / 1000 },
      hostShield: this.config.hostShield !== false,
      journal: this.journals.all[worker]!.buffer,
      table: { address: mapping.address, lengthBytes: mapping.lengthBytes },
      closedGates: this.gates.closed.buffer,
      rates: this.#rates,
      signs: this.servers.signs[worker]!.buffer,
      affinity: this.servers.affinities[worker]!,
      traffic: this.#traffic[worker]!,
      key: this.servers.key,
    });
    const [first, ...others] = this.#threads.all;
    // The first one writes the configuration's endpoints into the table, which the others then find.
    const reports = [await first!.start(start(0))];
    reports.push(...await Promise.all(others.map((it, i) => it.start(start(i + 1)))));
    this.#held = (reports as Int32Array[]).flatMap((slots) => [...slots]);
    records.header[HEADER.steeringKey] = rule.key;
  }

  /** Carries packets and admits agents. */
  async open(): Promise<void> {
    this.#threads.post({ kind: "resume" });
    // Packets do not wait for it; what the workers tell does, as all of this happens in one turn.
    this.bypass.restore(this.leases.earlierMs, this.#held);
    this.#held = [];
    this.unheard.restored();
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
    if (this.#ticks % DRAIN_TICKS === 1) this.#lookAtDrains();
    if (this.#ticks % FORGETTING_TICKS === 1) this.#forgetSessions();
  }

  async #lookAtDrains(): Promise<void> {
    try {
      await this.#drains.look();
    } catch (error) {
      // It fails when this machine stops meanwhile.
      if (this.ready) throw error;
    }
  }

  /** A server takes no new sessions, and its responses go via NAT, until it is undrained. */
  drain(server: string): void {
    this.operator.drain(server);
    this.#drains.ordered((it) => namesServer(server, it));
    this.bypass.stopServers((it) => this.operator.drains(it), REASON.draining);
    this.servers.refresh();
    this.events.add("draining", { server });
  }

  undrain(server: string): boolean {
    const was = this.operator.undrain(server);
    this.#drains.ordered((it) => namesServer(server, it));
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
    this.census.stop();
    await this.metrics[Symbol.asyncDispose]();
    this.captures.stopAll();
    this.servers[Symbol.dispose]();
    await this.#announcing[Symbol.asyncDispose]();
    await this.#door?.close("the NAT machine stops");
    await this.#threads.stop();
  }

  /** An event of the packet worker. */
  workerEvent(event: number, slot: number, id: number, value: number): void {
    if ((event & 0xff) === EVENT.crossed) {
      this.bypass.crossed(slot, id, reasonOf(event), value, crossedMs(event, bootTimeMs()));
    } else if ((event & 0xff) === EVENT.ended) this.bypass.ended(slot, id);
    else if ((event & 0xff) === EVENT.pathMtu) this.bypass.pathMtuChanged(slot, id);
    else if ((event & 0xff) === EVENT.probe) this.firstHop.seen(id);
    else if ((event & 0xff) === EVENT.undelivered) this.progress.undelivered(slot, id, value);
    else if ((event & 0xff) === EVENT.unshielded) this.#unshielded(id);
    else if ((event & 0xff) === EVENT.rebuilt) {
      this.events.add("sessions-rebuilt", { sessions: slot, conflicts: id, withoutRoom: value });
    }
  }

  #unshielded(errno: number): void {
    const reason = shieldFailure(errno);
    this.events.add("host-shield-failed", { reason });
    this.#warn(reason);
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

  #steeringRule(): SteeringRule {
    const kept = this.state.records.header[HEADER.steeringKey]!;
    const key = kept !== 0 ? kept : crypto.getRandomValues(new Int32Array(1))[0]! | 1;
    return steeringRule(this.config, key);
  }

  /** The kernel has to know the SNAT addresses of another configuration. */
  #steer(config: NatConfig): void {
    steerAnew(this.#sockets[0] ?? [], steeringProgram(this.#steeringRule(), natPrefixes(config)));
  }
}
