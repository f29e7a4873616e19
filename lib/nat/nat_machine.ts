import type { NatConfig } from "../config/nat_config.ts";
import { EventLog } from "../control/event_log.ts";
import type { Ability } from "../control/messages.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { type Announcer, openAnnouncer } from "../datapath/announcer.ts";
import { PacketThread } from "../datapath/packet_thread.ts";
import { secureRandom } from "../datapath/secure_random.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { BYPATH_ROUTE_PROTOCOL, RouteNetlink } from "../linux/rtnetlink.ts";
import { HEADER_F64 } from "../session/layout.ts";
import { Journal } from "../session/journal.ts";
import { formatEndpoint } from "../wire/address.ts";
import { type AddressRange, rangeOfPrefix } from "../wire/prefix.ts";
import { AgentRegistry, type KnownAgent, obstacleFor } from "./agent_registry.ts";
import { BypassControl } from "./bypass_control.ts";
import { type AgentDoor, makeAgentDoor } from "./agent_door.ts";
import { datapathConfig, destinationsOf } from "./datapath_config.ts";
import { HealthChecks } from "./health_checks.ts";
import { HostRoutes, removeLeftRoutes } from "./host_routes.ts";
import { InstructionBook } from "./instruction_book.ts";
import { OperatorState } from "./operator_state.ts";
import { REASON } from "../session/path_reason.ts";
import { Shortages } from "./shortages.ts";
import { bootId, openStateFile, type StateFile } from "./state_file.ts";
import { EVENT, type NatWorkerMessage, type NatWorkerStart } from "./worker_protocol.ts";

/** What a lease is prolonged by on this side, for clocks of different rates and packets in flight. */
export const LEASE_MARGIN_MS = 1_000;
/** The lease when no control channel is configured; nothing uses it. */
const NO_LEASE_MS = 10_000;
const KEPT_EVENTS = 4096;
const EVENT_RING = 65536;
const COMMAND_RING = 8192;
const TICK_MS = 100;
/** A minute. */
const FORGETTING_TICKS = 600;

/**
 * A running NAT machine: the packet worker, the session table it works on, the agents, health
 * checks and the operator's orders. Made by {@linkcode startNatMachine}; disposing of it leaves the
 * host as it was found.
 */
export class NatMachine {
  config: NatConfig;
  readonly events = new EventLog({ capacity: KEPT_EVENTS, now: Date.now });
  readonly agents = new AgentRegistry();
  readonly operator: OperatorState;
  readonly state: StateFile;
  readonly journal = new Journal();
  readonly startedMs = bootTimeMs();
  readonly bypass: BypassControl;
  readonly book: InstructionBook;
  health: HealthChecks;
  /** With `announce: true`. */
  announcer: Announcer | null = null;
  ready = false;
  readonly #thread: PacketThread;
  readonly #routes: HostRoutes;
  readonly #door: AgentDoor | null;
  readonly #shortages: Shortages;
  #ticks = 0;

  constructor(parts: {
    config: NatConfig;
    state: StateFile;
    thread: (machine: NatMachine) => PacketThread;
    door: (machine: NatMachine) => AgentDoor | null;
    routes: HostRoutes;
  }) {
    this.config = parts.config;
    this.state = parts.state;
    this.#routes = parts.routes;
    this.operator = new OperatorState(`${parts.config.state}.operator`);
    if (this.operator.damaged !== null) {
      this.events.add("operator-state-lost", { why: this.operator.damaged });
    }
    this.#thread = parts.thread(this);
    this.#shortages = new Shortages(this.#thread.counters, this.events);
    this.#door = parts.door(this);
    this.bypass = new BypassControl({
      records: this.state.records,
      events: this.events,
      operator: this.operator,
      config: this.config,
      agentFor: (server) => this.agents.stateFor(server),
      command: (command, slot, id, value) => this.#thread.command(command, slot, id, value),
      now: bootTimeMs,
    });
    this.book = new InstructionBook({
      epoch: this.epoch,
      leaseMs: this.config.control?.leaseMs ?? NO_LEASE_MS,
      marginMs: LEASE_MARGIN_MS,
      firstGeneration: this.state.records.headerF64[HEADER_F64.generation]!,
      send: (agent, message) => this.#door?.send(agent, message),
      changed: (event) => this.bypass.changed(event),
    });
    this.bypass.use(this.book);
    this.health = this.#checkHealth();
  }

  /** Names the session table towards agents. */
  get epoch(): string {
    return this.state.records.epoch.toString(36);
  }

  get counters(): Float64Array {
    return this.#thread.counters;
  }

  /** Starts carrying packets and admits agents. */
  async run(): Promise<void> {
    const { mapping } = this.state;
    const key = crypto.getRandomValues(new Int32Array(2));
    const start: NatWorkerStart = {
      kind: "start",
      config: datapathConfig(this.config),
      interfaces: this.config.interfaces,
      shared: this.#thread.shared,
      journal: this.journal.buffer,
      table: { address: mapping.address, lengthBytes: mapping.lengthBytes },
      key: [key[0]!, key[1]!],
    };
    const { headerF64 } = this.state.records;
    this.bypass.restore(headerF64[HEADER_F64.leaseMs]!);
    headerF64[HEADER_F64.leaseMs] = this.config.control?.leaseMs ?? 0;
    await this.#thread.start(start);
    this.#sendEligible();
    await this.#door?.open();
    this.ready = true;
    this.events.add("started", {
      sessions: this.state.records.used,
      continued: this.state.continued,
      replaced: this.state.replaced,
    });
  }

  /** To be called every {@linkcode TICK_MS}. */
  tick(): void {
    const now = bootTimeMs();
    this.#thread.drain();
    this.book.tick(now);
    if (this.#ticks++ % 10 !== 0) return;
    this.bypass.tick();
    this.#shortages.look(now);
    if (this.#ticks % FORGETTING_TICKS === 1) this.#forgetSessions();
  }

  /** Takes over a configuration that needs no restart. */
  configure(config: NatConfig): void {
    this.config = config;
    this.#routes.add(destinationsOf(config));
    this.#post({ kind: "configure", config: datapathConfig(config) });
    this.announcer?.setAddresses(addressesOf(config));
    this.health[Symbol.dispose]();
    this.health = this.#checkHealth();
    this.#sendEligible();
    this.bypass.configure(config);
    this.#door?.announce();
    this.events.add("reloaded", { services: config.services.length });
  }

  /** A server takes no new sessions, and its responses go via NAT, until it is undrained. */
  drain(server: string): void {
    this.operator.drain(server);
    this.bypass.stopServers((it) => this.operator.drains(it), REASON.draining);
    this.#sendEligible();
    this.events.add("draining", { server });
  }

  undrain(server: string): boolean {
    const was = this.operator.undrain(server);
    this.#sendEligible();
    this.bypass.reconsider((it) => !this.operator.drains(it));
    if (was) this.events.add("undrained", { server });
    return was;
  }

  /** An agent has become able to bypass, or is no longer, in one family or in both. */
  agentAble(agent: KnownAgent, { able, reason, unable = {} }: Ability): void {
    if (agent.able === able && agent.reason === reason) return;
    agent.able = able;
    agent.reason = reason;
    agent.unable = unable;
    this.events.add(able ? "agent-able" : "agent-unable", { agent: agent.name, reason });
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
    this.health[Symbol.dispose]();
    await this.#door?.close();
    await this.#thread.stop();
  }

  /** An event of the packet worker. */
  workerEvent(event: number, slot: number, id: number, value: number): void {
    if ((event & 0xff) === EVENT.crossed) this.bypass.crossed(slot, id, event >> 8, value);
    else if ((event & 0xff) === EVENT.ended) this.bypass.ended(slot, id);
    else if ((event & 0xff) === EVENT.pathMtu) this.bypass.pathMtuChanged(slot, id);
  }

  /** An order about a session that is over says nothing any more. */
  #forgetSessions(): void {
    for (const session of this.operator.orders.sessions) {
      if (this.bypass.find(session) === 0) this.operator.forget(session);
    }
  }

  #checkHealth(): HealthChecks {
    return new HealthChecks(this.config.services, (service, server, status) => {
      this.events.add(status === "down" ? "server-down" : "server-up", { service, server });
      if (status === "down") this.bypass.stopServers((it) => it === server, REASON.serverDown);
      else this.bypass.reconsider((it) => it === server);
      this.#sendEligible();
    });
  }

  #sendEligible(): void {
    this.config.services.forEach(({ name, servers }, service) => {
      const eligible = servers.map(({ address }) => {
        const server = formatEndpoint(address);
        return this.health.able(name, server) && !this.operator.drains(server);
      });
      this.#post({ kind: "eligible", service, eligible });
    });
  }

  #post(message: NatWorkerMessage): void {
    this.#thread.post(message);
  }
}

/** Receives what a machine must not survive. */
type OnFailure = (message: string) => void;

/**
 * Starts a NAT machine. The checks of preflight.ts come before.
 * @param options.identity of this machine towards agents; null: no control channel
 * @param stack what was set up goes here, so that the caller takes it down in reverse order
 * @returns null when `stop` was aborted before there was a machine
 */
export async function startNatMachine(
  config: NatConfig,
  stack: AsyncDisposableStack,
  options: {
    identity: IdentityPem | null;
    stop: AbortSignal;
    onFailure: OnFailure;
    say: (line: string) => void;
  },
): Promise<NatMachine | null> {
  const { identity, stop, onFailure, say } = options;
  const state = stack.use(openStateFile(config.state, {
    capacity: config.capacity,
    bootId: bootId(),
    random: secureRandom(),
  }));
  const netlink = stack.use(new RouteNetlink());
  const left = removeLeftRoutes(netlink, BYPATH_ROUTE_PROTOCOL);
  const routes = stack.use(new HostRoutes(netlink));
  routes.add(destinationsOf(config));
  if (state.replaced !== null) say(`Starting with a new session table: ${state.replaced}`);
  const waitMs = oldLeasesMs(config, state, left > 0);
  if (waitMs > 0) {
    say(`Waiting ${Math.ceil(waitMs / 1000)} s: agents may still follow a table that was lost`);
    await pause(waitMs, stop);
  }
  if (stop.aborted) return null;
  const machine = new NatMachine({
    config,
    state,
    routes,
    thread: (it) =>
      new PacketThread({
        path: "lib/nat/packet_worker.ts",
        events: EVENT_RING,
        commands: COMMAND_RING,
        onEvent: (event, slot, id, value) => it.workerEvent(event, slot, id, value),
        onFailure,
      }),
    door: (it) => config.control && identity ? makeAgentDoor(it, config.control, identity) : null,
  });
  stack.defer(() => machine.stop());
  await machine.run();
  if (config.announce) {
    machine.announcer = stack.use(openAnnouncer({
      interfaces: config.interfaces,
      addresses: addressesOf(config),
      netlink,
      onConflict: ({ address, mac, interface: name }) =>
        machine.events.add("address-conflict", { address: String(address), mac, interface: name }),
      onFailure,
    }));
    machine.announcer.announce();
  }
  const timer = setInterval(() => machine.tick(), TICK_MS);
  stack.defer(() => clearInterval(timer));
  return machine;
}

/** What is answered for on the link: VIPs and SNAT addresses. */
function addressesOf(config: NatConfig): AddressRange[] {
  return destinationsOf(config).map(rangeOfPrefix);
}

/**
 * A table that was lost says nothing of the instructions that agents may still follow. Before their
 * leases have run out no NAT endpoint may be given out, lest a response goes to another session's
 * client. A table that was never there needs no such wait. Returns how long.
 */
function oldLeasesMs(config: NatConfig, state: StateFile, killed: boolean): number {
  if (state.continued || config.control === undefined) return 0;
  const leaseMs = config.control.leaseMs + LEASE_MARGIN_MS;
  // After a restart of the host the leases have run since before it came up.
  return killed || state.replaced !== null ? leaseMs : Math.max(0, leaseMs - bootTimeMs());
}

/** Waits, at most until it is told to stop. */
function pause(forMs: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, forMs);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
