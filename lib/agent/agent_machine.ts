import type { Log } from "../control/log.ts";
import type { AgentConfig } from "../config/agent_config.ts";
import {
  type Ability,
  AGENT_STOPS,
  type Announcement,
  BATCH_ENTRIES,
  type Counters,
} from "../control/messages.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { EventLog } from "../control/event_log.ts";
import { PacketThreads } from "../datapath/packet_threads.ts";
import { bootTimeMs } from "../linux/clock.ts";
import { type Link, RouteNetlink } from "../linux/rtnetlink.ts";
import { openTunQueues, type TunDevice } from "../linux/tun.ts";
import { IpAddress } from "../wire/address.ts";
import { formatPrefix, type Prefix, prefixesOfRange } from "../wire/prefix.ts";
import { protocolNumber } from "../wire/protocol.ts";
import { MetricsDoor } from "../metrics/metrics_door.ts";
import { agentMetrics } from "./agent_metrics.ts";
import { AgentTally } from "./agent_tally.ts";
import { Capture } from "./capture.ts";
import { EarlyReports } from "./early_reports.ts";
import type { CounterSource } from "./instruction_counters.ts";
import { InstructionStore, type StoreEffect } from "./instruction_store.ts";
import {
  type InstructionMemory,
  InstructionRecords,
  makeInstructionMemory,
  SEEN_FIN,
  SEEN_RST,
} from "./instruction_table.ts";
import { NatLinks, type NatLinkView } from "./nat_links.ts";
import { PacketCaptures } from "./packet_captures.ts";
import { WatchdogProcess } from "./watchdog_process.ts";
import { PathProber } from "./path_prober.ts";
import { AGENT_COMMAND, AGENT_EVENT, type AgentWorkerStart } from "./worker_protocol.ts";
import { WorkerConsensus } from "./worker_consensus.ts";

/** The most instructions an agent holds. */
const CAPACITY = 65536;
const RING = 262144;
const KEPT_EVENTS = 4096;
const ARPHRD_ETHER = 1;
/** Packets that may wait in each queue of the tun device while its worker is not scheduled. */
const TUN_QUEUE = 4096;
/** Beyond this an agent refuses: whoever sends so many is not well. */
const INSTALLS_PER_SECOND = 50_000;
/** How long an agent that stops waits for its own worker. */
const LETTING_GO_MS = 500;
const TICK_MS = 100;

/**
 * A running agent: the tun device that catches the server's responses, the packet workers, the
 * instructions, and what the NAT machines announced. Disposing of it leaves the server as it was
 * found; a kill does too, since the device and its routes go with the process.
 */
export class AgentMachine {
  readonly config: AgentConfig;
  readonly events = new EventLog({ capacity: KEPT_EVENTS, now: Date.now });
  readonly store: InstructionStore;
  readonly startedMs = bootTimeMs();
  readonly tally = new AgentTally();
  readonly metrics: MetricsDoor = new MetricsDoor(() => agentMetrics(this));
  readonly captures: PacketCaptures;
  ready = false;
  /** Names of those that packets may leave by. */
  #interfaces: readonly string[] = [];
  readonly #threads: PacketThreads;
  readonly #prober: PathProber;
  readonly #memory: InstructionMemory;
  readonly #records: InstructionRecords;
  readonly #added: WorkerConsensus;
  readonly #removed: WorkerConsensus;
  readonly #netlink = new RouteNetlink();
  /** The tun device; one of its queues for each worker. */
  readonly #queues: readonly TunDevice[];
  readonly #capture: Capture;
  readonly #announced = new Map<string, Announcement>();
  readonly #links: NatLinks;
  readonly #watchdog: WatchdogProcess;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #early = new EarlyReports(() => this.#reportEarly(bootTimeMs()), bootTimeMs);
  /** Instructions whose servers sent something again since the last report. */
  readonly #resent = new Set<number>();
  #reportMs = 1_000;
  #part = 0;
  #areFew = true;
  readonly #counters: CounterSource = {
    packets: (id) => this.#records.packets(id),
    counters: (id) => this.#counted(id, bootTimeMs()),
  };

  constructor(options: {
    config: AgentConfig;
    pem: IdentityPem;
    /** What cannot be survived. */
    onFailure: (message: string) => void;
    log: Log;
  }) {
    this.config = options.config;
    const { workers } = options.config;
    this.#memory = makeInstructionMemory(CAPACITY, workers);
    this.#records = new InstructionRecords(this.#memory);
    this.#added = new WorkerConsensus(CAPACITY, workers);
    this.#removed = new WorkerConsensus(CAPACITY, workers);
    this.store = new InstructionStore({
      addresses: options.pem.identity.addresses,
      capacity: CAPACITY,
      installsPerSecond: INSTALLS_PER_SECOND,
      apply: (effect) => this.#apply(effect),
      send: (nat, message) => this.#links.send(nat, message),
      answered: (nat, afterMs) => this.tally.roundTrip.observe(afterMs / 1000, nat),
    });
    this.#links = new NatLinks({
      nat: options.config.nat,
      pem: options.pem,
      events: this.events,
      able: () => this.ability,
      store: () => this.store,
      announced: (nat, announced, welcome) => {
        this.#reportMs = welcome?.reportMs ?? this.#reportMs;
        this.#announce(nat, announced);
      },
      probe: (nat, probe) => {
        const announced = this.#announced.get(nat);
        if (announced === undefined) return;
        this.#prober.probe(probe, announced).then((answer) => this.#links.send(nat, answer));
      },
      capture: (nat, order) => this.captures.order(nat, order),
      lost: (nat) => this.captures.lost(nat),
      log: options.log,
    });
    this.#prober = new PathProber(this.#netlink, options.config.interface);
    this.#queues = openTunQueues("bypath%d", workers);
    this.#capture = new Capture(this.#netlink, this.#tun);
    this.#watchdog = new WatchdogProcess({
      logFormat: options.log.format,
      interfaceIndex: this.#tun.interfaceIndex,
      workers,
      onWithdrawn: (thread) => {
        this.events.add("frozen", { thread, why: "the watchdog led responses past this agent" });
        options.log.warn(`The ${thread} stood still: responses go via NAT until it has caught up`);
      },
      onDrained: () => {
        this.#begin();
        this.events.add("thawed", { device: this.#tun.name });
        options.log.info(`Responses come through ${this.#tun.name} again`);
      },
      onStuck: () => this.store.setAble(false, this.ability.reason),
      onEnded: (why) => {
        this.events.add("watchdog-ended", { why });
        options.log.warn(`The watchdog has ended (${why}) and will be started again`);
      },
    });
    this.#threads = new PacketThreads({
      workers,
      path: "lib/agent/packet_worker.ts",
      events: RING,
      commands: RING,
      onEvent: (event, slot) => this.#workerEvent(event, slot),
      onFailure: options.onFailure,
    });
    this.captures = new PacketCaptures({
      threads: this.#threads.all,
      device: this.#tun.name,
      interfaces: () => this.#interfaces,
      textOf: (slot) => this.store.textOf(slot),
      instructions: () => this.store.instructions(bootTimeMs()),
      announced: this.#announced,
      snatOf: (nat) => this.#snatOf(nat),
      send: (nat, message) => this.#links.send(nat, message),
      now: bootTimeMs,
    });
  }

  /** What each NAT machine says that it translates. */
  get announced(): ReadonlyMap<string, Announcement> {
    return this.#announced;
  }

  /** Sums over the packet workers. */
  get counters(): Float64Array {
    return this.#threads.counters;
  }

  /** The counters of each packet worker. */
  get counted(): readonly Float64Array[] {
    return this.#threads.counted;
  }

  get #tun(): TunDevice {
    return this.#queues[0]!;
  }

  get tunName(): string {
    return this.#tun.name;
  }

  /** Whether this host can bypass, and what stands in the way. */
  get ability(): Ability {
    if (this.#watchdog.isStuck) return { able: false, reason: "its packet thread stands still" };
    const { able, reason, unable } = this.#capture;
    return { able, reason, ...(able && reason !== null && { unable }) };
  }

  /** Starts carrying packets; nothing comes before a NAT machine has announced its addresses. */
  async run(): Promise<void> {
    await this.metrics.open(this.config.metrics);
    const links = this.#netlink.links().filter((link) => this.#usable(link));
    this.#interfaces = links.map((link) => link.name);
    const mtu = Math.min(...links.map((link) => link.mtu));
    this.#netlink.setLink({
      index: this.#tun.interfaceIndex,
      up: true,
      mtu,
      txQueueLength: TUN_QUEUE,
    });
    const key = crypto.getRandomValues(new Int32Array(2));
    const start = (worker: number): AgentWorkerStart => ({
      kind: "start",
      worker,
      memory: this.#memory,
      shared: this.#threads.all[worker]!.shared,
      pace: { cpu: this.config.cpus?.[worker] ?? null, busyPollMs: this.config.busyPollUs / 1000 },
      heartbeat: this.#watchdog.address,
      tun: this.#queues[worker]!.fd.number,
      directInterface: this.config.interface ?? null,
      interfaces: this.#interfaces,
      key: [key[0]!, key[1]!],
    });
    await Promise.all(this.#threads.all.map((thread, worker) => thread.start(start(worker))));
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#watchdog.start();
    this.#links.start();
    this.ready = true;
    this.events.add("started", { device: this.#tun.name });
  }

  /** The NAT machines of the configuration, as `inspect status` shows them. */
  links(): readonly NatLinkView[] {
    return this.#links.views();
  }

  /** Ends in order: first the routes, so that responses go by the ordinary way again. */
  async stop(): Promise<void> {
    this.ready = false;
    await this.metrics[Symbol.asyncDispose]();
    await this.#letGo();
    clearInterval(this.#timer);
    this.#early[Symbol.dispose]();
    this.#capture.clear();
    await this.captures.stopAll();
    await this.#watchdog.stop();
    await this.#threads.stop();
    this.#links.stop(AGENT_STOPS);
    this.#watchdog[Symbol.dispose]();
    for (const queue of this.#queues) queue.close();
    this.#netlink.close();
  }

  /** Ends every instruction, so that the NAT machines need not wait for leases to run out. */
  async #letGo(): Promise<void> {
    this.store.setAble(false, AGENT_STOPS);
    // So that nobody sends more of what would be refused.
    this.store.report(bootTimeMs());
    for (let waited = 0; this.store.size > 0 && waited < LETTING_GO_MS; waited += 5) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #tick(): void {
    const now = bootTimeMs();
    this.#watchdog.tick(now);
    this.store.tick(now);
    this.#report(now);
  }

  /**
   * Tells what changed of each instruction once in an interval: of a few all at once, since a message costs
   * both machines more than its entries; of many a part in each tick, so that neither this thread nor the
   * NAT machine's has to stop for all of them at once.
   */
  #report(now: number): void {
    const parts = Math.max(1, Math.round(this.#reportMs / TICK_MS));
    this.#part = (this.#part + 1) % parts;
    const isFirst = this.#part === 0;
    const wereFew = this.#areFew;
    if (isFirst) this.#areFew = this.store.size <= BATCH_ENTRIES;
    // Those that were told of together are so once more, or some would wait longer than an interval.
    if (isFirst && (wereFew || this.#areFew)) this.store.recount(this.#counters, now);
    else if (!this.#areFew) {
      this.store.recount(this.#counters, now, { part: this.#part, parts });
    }
    if (isFirst || this.store.hasNews) this.store.report(now);
  }

  /** What waits for no second: sessions that close, and those whose responses may not arrive. */
  #reportEarly(now: number): void {
    for (const slot of this.#resent) {
      this.#records.hearResent(slot);
      this.store.count(slot, this.#counted(slot, now), now);
    }
    this.#resent.clear();
    this.store.report(now);
  }

  /** Takes over what the worker has counted until now. */
  recount(now: number): void {
    this.store.recount(this.#counters, now);
  }

  #apply(effect: StoreEffect): void {
    switch (effect.kind) {
      case "lease":
        return this.#records.setLease(effect.lease, effect.untilMs);
      case "add": {
        const { match, rewrite, protocol, pathMtu } = effect.instruction;
        this.#records.write(effect.id, {
          protocol: protocolNumber(protocol),
          match,
          rewrite,
          lease: effect.lease,
          pathMtu,
        });
        return this.#command(AGENT_COMMAND.add, effect.id);
      }
      case "remove":
        return this.#command(AGENT_COMMAND.remove, effect.id);
    }
  }

  #command(command: number, slot: number): void {
    // A ring holds more than there can be instructions adding and removing at once.
    if (!this.#threads.command(command, slot, 0, 0)) throw new Error("The command ring is full");
  }

  #workerEvent(event: number, slot: number): void {
    const now = bootTimeMs();
    if (event === AGENT_EVENT.added) {
      if (this.#added.isReached(slot)) {
        this.tally.installed++;
        this.store.added(slot);
      }
    } else if (event === AGENT_EVENT.removed) {
      if (this.#removed.isReached(slot)) {
        this.tally.removed++;
        this.store.removed(slot, this.#counted(slot, now), { now });
      }
    } else if (event === AGENT_EVENT.reopened) {
      this.store.remove(slot, "the server opened a new connection from the same endpoint");
    } else if (event === AGENT_EVENT.resent) {
      this.#resent.add(slot);
      this.#early.resent();
    } else {
      this.store.count(slot, this.#counted(slot, now), now);
      this.#early.closing();
    }
  }

  #counted(slot: number, now: number): Counters {
    const packets = this.#records.packets(slot);
    const flags = this.#records.flags(slot);
    return {
      packets,
      bytes: this.#records.bytes(slot),
      idleMs: packets === 0 ? 0 : Math.max(0, Math.round(now - this.#records.lastUsedMs(slot))),
      fin: (flags & SEEN_FIN) !== 0,
      rst: (flags & SEEN_RST) !== 0,
      sequence: packets === 0 || !this.#records.isTcp(slot) ? null : this.#records.sequence(slot),
      resent: this.#records.resent(slot),
      resentAgain: this.#records.resentAgain(slot),
    };
  }

  /** What may be translated has been told: responses to these addresses come through us now. */
  #announce(nat: string, announced: Announcement): void {
    this.#announced.set(nat, announced);
    const prefixes = new Map<string, Prefix>();
    for (const name of this.#announced.keys()) {
      for (const prefix of this.#snatOf(name)) prefixes.set(formatPrefix(prefix), prefix);
    }
    this.#capture.survey([...prefixes.values()]);
    this.#threads.post({
      kind: "snat",
      ways: this.#capture.ways.map(({ prefix, interfaceIndex }) => ({
        prefix: formatPrefix(prefix),
        interfaceIndex,
      })),
    });
    this.#begin();
  }

  /** The SNAT addresses that a NAT machine announced. */
  #snatOf(nat: string): Prefix[] {
    const { snat = [] } = this.#announced.get(nat) ?? {};
    return snat.flatMap(({ first, last }) =>
      prefixesOfRange(IpAddress.parse(first), IpAddress.parse(last))
    );
  }

  /** Captures what is announced, unless a thread stood still and has not caught up yet. */
  #begin(): void {
    if (this.#watchdog.isWithdrawn) return;
    this.#capture.begin();
    const { able, reason, unable = {} } = this.ability;
    this.store.setAble(able, reason);
    this.store.setUnable(unable);
  }

  #usable(link: Link): boolean {
    return link.hardwareType === ARPHRD_ETHER && !link.loopback && link.up &&
      link.index !== this.#tun.interfaceIndex;
  }
}
