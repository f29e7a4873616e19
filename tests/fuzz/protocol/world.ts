/**
 * The whole protocol in one process: clients, a NAT machine, two servers with agents, and between
 * them networks that lose, double, delay and overtake; processes are killed, in the middle of a
 * write too, stopped for a while, and started again; clocks run at different rates. What decides is
 * the real code on both sides, from bytes to bytes; what it runs in is driven by a script of steps.
 *
 * After every step: each packet that reached a client belongs to that client's conversation and comes
 * from its VIP; each packet that reached a server went to the one of its session; an instruction in
 * force is the one of the session that owns the NAT endpoint, and was not reported as ended; what an
 * instruction translated was its own session's.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AgentMessage, NatMessage, TableEntry } from "../../../lib/control/messages.ts";
import type { BookEvent } from "../../../lib/nat/instruction_book.ts";
import { EndpointHold, holdTimes, rememberHold } from "../../../lib/nat/instruction_hold.ts";
import { OperatorState } from "../../../lib/nat/operator_state.ts";
import { TimerWheel } from "../../../lib/session/timer_wheel.ts";
import { SessionRecords } from "../../../lib/session/session_records.ts";
import type { Random } from "../support/random.ts";
import { Client, Servers, Wire } from "./hosts.ts";
import { type InForce, ModelAgent } from "./model_agent.ts";
import { emptyRegion, ModelNat } from "./model_nat.ts";
import { type Flying, RST, see, SYN } from "./packets.ts";
import {
  type BrokenRules,
  CLIENTS,
  CLOCK_RATES,
  CONFIGS,
  LEASE_MS,
  MARGIN_MS,
  NAT_NAME,
  PACKET_LIFE_MS,
  PORTS,
  QUARANTINE_MS,
  RING,
  SERVERS,
} from "./settings.ts";
import { Killed } from "./torn.ts";
import { Truth } from "./truth.ts";

interface Channel {
  readonly toNat: AgentMessage[];
  readonly toAgent: NatMessage[];
  /** Bytes go nowhere any more. */
  broken: boolean;
  /** The NAT machine's process is gone: what it has sent still arrives. */
  natGone: boolean;
  /** The agent's kernel said that its process is no more. */
  agentGone: boolean;
  agentNoticed: boolean;
  natNoticed: boolean;
  /** The greeting: the table is read as one. */
  table: TableEntry[] | null;
}

/** What happened in a world, for the tally. */
export interface Tally {
  count(what: string): void;
}

// Worlds come one after another, and each clears what it used.
let sharedRegion: ArrayBuffer | null = null;

export class World {
  timeMs = 0;
  readonly #random: Random;
  readonly #broken: BrokenRules;
  readonly #tally: Tally;
  readonly #operatorFile: string;
  readonly #truth = new Truth();
  readonly #clients = CLIENTS.map((each) => new Client(each));
  readonly #servers = new Servers();
  readonly #toNat = new Wire();
  readonly #toClients = new Wire();
  readonly #toServers = new Wire();
  readonly #agents: (ModelAgent | null)[] = [null, null];
  readonly #channels: (Channel | null)[] = [null, null];
  #instances = 0;
  #nat: ModelNat | null = null;
  #natFrozen = false;
  readonly #region: ArrayBuffer;
  #records: SessionRecords;
  #config = CONFIGS[0]!;
  #epoch = 1;
  /** The next process finds that there was a table before. */
  #lost = false;
  /** The table has had no process yet. */
  #isNew = true;
  /** `epoch generation` of what the book has reported as over. */
  readonly #ended = new Set<string>();
  #owners = new Map<string, string>();
  /** No faults any more. */
  #calm = false;

  constructor(
    options: { random: Random; broken: BrokenRules; tally: Tally; operatorFile: string },
  ) {
    this.#random = options.random;
    this.#broken = options.broken;
    this.#tally = options.tally;
    this.#operatorFile = options.operatorFile;
    try {
      Deno.removeSync(this.#operatorFile);
    } catch { /* no orders were given before */ }
    sharedRegion = emptyRegion(sharedRegion, this.#epoch);
    this.#region = sharedRegion;
    this.#records = new SessionRecords(this.#region);
    this.startNat();
    for (const at of [0, 1]) {
      this.startAgent(at);
      this.connect(at);
    }
  }

  // The processes.

  startNat(): void {
    if (this.#nat !== null) return;
    this.#natFrozen = false;
    const loss = {
      isLost: this.#lost,
      isRestarted: false,
      uptimeMs: 1e9,
      leaseMs: LEASE_MS + MARGIN_MS,
      quarantineMs: QUARANTINE_MS,
    };
    const remembered = rememberHold(
      this.#records.headerF64,
      this.#isNew ? holdTimes(loss) : null,
      this.timeMs,
    );
    const times = {
      ...remembered,
      ...(this.#broken.noWaitAfterLoss && { endpointsMs: 0 }),
    };
    this.#lost = this.#isNew = false;
    this.#nat = new ModelNat({
      region: this.#region,
      config: this.#config,
      operator: new OperatorState(this.#operatorFile),
      random: this.#random,
      hold: new EndpointHold({ ...times, now: this.timeMs }),
      broken: this.#broken,
      now: () => this.timeMs,
      send: (name, message) => {
        const channel = this.#channels[SERVERS.indexOf(name as typeof SERVERS[number])];
        if (channel && !channel.natNoticed) channel.toAgent.push(message);
      },
      emit: (bytes) => this.#leaveNat(bytes, true),
      ended: (epoch, event) => this.#onEnded(epoch, event),
      displaced: (session) => this.#truth.displaced(session),
    });
    this.#tally.count("NAT starts");
  }

  killNat(): void {
    if (this.#nat === null) return;
    this.#nat = null;
    this.#tally.count("NAT killed");
    for (const channel of this.#channels) {
      if (channel) channel.natGone = channel.natNoticed = true;
    }
  }

  /** Its file is gone as well. */
  loseTable(): void {
    this.killNat();
    this.#epoch++;
    emptyRegion(this.#region, this.#epoch);
    this.#records = new SessionRecords(this.#region);
    this.#lost = this.#isNew = true;
    this.#truth.lost(this.timeMs);
    this.#tally.count("table lost");
  }

  startAgent(at: number): void {
    if (this.#agents[at] !== null) return;
    const address = SERVERS[at]!;
    this.#agents[at] = new ModelAgent({
      address,
      broken: this.#broken,
      // Starts at 5 seconds: zero must not be special.
      now: () => 5000 + this.timeMs * CLOCK_RATES[at]!,
      worldMs: () => this.timeMs,
      send: (_nat, message) => {
        const channel = this.#channels[at];
        if (channel && !channel.agentNoticed) channel.toNat.push(message);
      },
      toNat: (packet) => this.#toNat.push(packet),
      toClient: (packet, before, by) => this.#onBypassed(packet, before, by),
    }, `i${++this.#instances}`);
  }

  /** Its device, its routes and all it held are gone with the process. */
  killAgent(at: number): void {
    if (this.#agents[at] === null) return;
    this.#agents[at] = null;
    this.#tally.count("agent killed");
    const channel = this.#channels[at];
    if (channel) channel.broken = channel.agentNoticed = channel.agentGone = true;
  }

  freezeAgent(at: number): void {
    const agent = this.#agents[at];
    if (!agent || this.#calm) return;
    agent.frozen = true;
    this.#tally.count("agent frozen");
  }

  thawAgent(at: number): void {
    const agent = this.#agents[at];
    if (agent) agent.frozen = false;
  }

  watchdog(at: number): void {
    const agent = this.#agents[at];
    if (agent?.frozen) agent.unrouted = true;
  }

  freezeNat(): void {
    this.#natFrozen = this.#nat !== null && !this.#calm;
  }

  thawNat(): void {
    this.#natFrozen = false;
  }

  agentWorks(at: number, choice: number): void {
    this.#awake(at)?.work(choice);
  }

  agentDrains(at: number): void {
    this.#awake(at)?.drain();
  }

  agentTicks(at: number): void {
    this.#awake(at)?.tick();
  }

  agentReports(at: number): void {
    this.#awake(at)?.report();
  }

  agentAble(at: number, able: boolean): void {
    this.#awake(at)?.setAble(able);
  }

  natMaintains(): void {
    this.#asNat((nat) => nat.maintain());
  }

  natDrains(count: number): void {
    this.#asNat((nat) => nat.drain(count));
  }

  natTicks(): void {
    this.#asNat((nat) => nat.tick());
  }

  /** The process will be killed between two writes to its table, soon. */
  doomNat(writes: number): void {
    if (!this.#calm) this.#nat?.killAfter(writes);
  }

  /** Just past the end of a lease, when the NAT machine takes an instruction for over. */
  passLease(choice: number): void {
    const views = [...this.#nat?.book.instructions(this.timeMs) ?? []];
    const view = views[choice % Math.max(1, views.length)];
    if (view === undefined) return;
    this.timeMs += view.leaseMs + MARGIN_MS + (choice >>> 4) % 20;
    this.natTicks();
  }

  /** Just past the rest of a NAT endpoint, when another session may have it. */
  passQuarantine(choice: number): void {
    for (const ms of [TimerWheel.TICK_MS, QUARANTINE_MS, TimerWheel.TICK_MS + choice % 20]) {
      this.timeMs += ms;
      this.natMaintains();
      this.natDrains(RING);
      this.check();
    }
  }

  // The operator.

  bypassStop(choice: number): void {
    const target = choice % 3 === 0
      ? { all: true }
      : { server: choice % 3 === 1 ? SERVERS[0] : `${SERVERS[1]}:8080` };
    this.#asNat((nat) => {
      // Nobody waits for the answer here: the timer of the wait must not outlive the world.
      const { setTimeout } = globalThis;
      globalThis.setTimeout = (() => 0) as unknown as typeof setTimeout;
      try {
        nat.bypass.operatorStop(target, 0).catch(() => {});
      } finally {
        globalThis.setTimeout = setTimeout;
      }
    });
    this.#tally.count("operator stop");
  }

  bypassStart(): void {
    this.#asNat((nat) => nat.bypass.operatorStart({ all: true }));
  }

  drainServer(choice: number): void {
    this.#asNat((nat) => nat.drainServer(SERVERS[choice % 2]!));
  }

  undrainServer(choice: number): void {
    this.#asNat((nat) => nat.undrainServer(SERVERS[choice % 2]!));
  }

  reload(choice: number): void {
    const config = CONFIGS[choice % CONFIGS.length]!;
    this.#asNat((nat) => {
      this.#config = config;
      nat.configure(config);
      for (const at of [0, 1]) {
        const channel = this.#channels[at];
        if (!channel || channel.natNoticed || channel.table !== null) continue;
        channel.toAgent.push({ type: "policy", ...nat.announcement(SERVERS[at]!) });
      }
    });
    this.#tally.count("reload");
  }

  // Clients, servers and the networks between.

  clientSends(choice: number): void {
    const client = this.#clients[choice % this.#clients.length]!;
    const bytes = client.next(this.#truth, Math.floor(choice / this.#clients.length));
    if (bytes) this.#toNat.push(this.#born(bytes));
  }

  /** Every client of a service opens anew: endpoints are given out as soon as they are free. */
  rush(choice: number): void {
    const protocol = choice % 4 === 0 ? "udp" : "tcp";
    for (const client of this.#clients.filter((it) => it.protocol === protocol)) {
      this.#toNat.push(this.#born(client.open(this.#truth)));
      this.flow(1);
    }
  }

  serverSends(choice: number): void {
    const all = [...this.#servers.connections.values()];
    const connection = all[choice % Math.max(1, all.length)];
    if (connection === undefined) return;
    if (!this.#truth.isServed(connection, this.timeMs)) {
      return this.#servers.forget(connection);
    }
    const bytes = this.#servers.next(connection, Math.floor(choice / all.length));
    if (bytes) this.#leaveServer(bytes);
  }

  arriveAtNat(choice: number): void {
    if (this.#natFrozen) return;
    const packet = this.#fresh(this.#toNat.take(choice));
    if (packet === undefined) return;
    this.#asNat((nat) => {
      const bytes = nat.packet(packet.bytes);
      if (bytes !== null) this.#leaveNat(bytes, false);
    });
  }

  arriveAtServer(choice: number): void {
    const packet = this.#fresh(this.#toServers.take(choice));
    if (packet === undefined) return;
    const seen = see(packet.bytes)!;
    if (seen.number === 0) return this.#servers.connections.delete(keyOf(seen)) as unknown as void;
    const { sessions } = this.#truth.conversation(seen.number);
    const answer = this.#servers.receive(seen, [...sessions].at(-1)!);
    if (answer) this.#leaveServer(answer);
  }

  arriveAtClient(choice: number): void {
    const packet = this.#fresh(this.#toClients.take(choice));
    if (packet === undefined) return;
    const seen = see(packet.bytes)!;
    const client = this.#clients.find(({ endpoint, protocol }) =>
      endpoint === seen.destination && protocol === seen.protocol
    );
    const answer = client?.receive(seen);
    if (answer) this.#toNat.push(this.#born(answer));
  }

  losePacket(choice: number): void {
    this.#wire(choice).take(choice >>> 2);
  }

  doublePacket(choice: number): void {
    this.#wire(choice).double(choice >>> 2);
  }

  // The control channel.

  connect(at: number): void {
    const agent = this.#awake(at);
    const old = this.#channels[at];
    if (!agent || this.#nat === null || this.#natFrozen) return;
    if (old && !old.agentNoticed) return;
    // The NAT machine ends the old connection when the same agent comes again.
    if (old && !old.natNoticed) this.#asNat((nat) => nat.lost(SERVERS[at]!, old.agentGone));
    // That may have been its end.
    if (this.#nat === null) return;
    this.#channels[at] = {
      toNat: [],
      toAgent: [{
        type: "welcome",
        protocol: 1,
        program: "",
        instance: "n",
        epoch: this.#nat.epoch,
        leaseMs: LEASE_MS,
        reportMs: 100,
        ...this.#nat.announcement(SERVERS[at]!),
      }],
      broken: false,
      natGone: false,
      agentGone: false,
      agentNoticed: false,
      natNoticed: false,
      table: [],
    };
  }

  toNatMessage(at: number, choice: number): void {
    const channel = this.#channels[at];
    if (!channel || channel.broken || channel.natGone || channel.toNat.length === 0) return;
    if (this.#natFrozen) return;
    const agent = this.#agents[at];
    this.#asNat((nat) => {
      if (channel.table === null) {
        nat.message(SERVERS[at]!, this.#pick(channel.toNat, choice));
        return;
      }
      const message = channel.toNat.shift()!;
      if (message.type !== "table") throw new Error(`${message.type} before the table`);
      channel.table.push(...message.entries);
      if (!message.last) return;
      const table = channel.table;
      channel.table = null;
      const { instance, able } = agent!;
      nat.connected(SERVERS[at]!, { address: SERVERS[at]!, instance, able, table });
    });
  }

  toAgentMessage(at: number, choice: number): void {
    const channel = this.#channels[at];
    const agent = this.#awake(at);
    if (!channel || !agent || channel.agentNoticed || channel.toAgent.length === 0) return;
    if (channel.broken) return;
    if (channel.toAgent[0]!.type === "welcome") {
      const welcome = channel.toAgent.shift() as NatMessage & { type: "welcome" };
      agent.epoch = welcome.epoch;
      agent.store.connected(NAT_NAME, welcome, 5000 + this.timeMs * CLOCK_RATES[at]!);
      return;
    }
    const message = this.#pick(channel.toAgent, choice);
    agent.store.message(NAT_NAME, message, 5000 + this.timeMs * CLOCK_RATES[at]!);
  }

  /** A grant waits on its way for most of what it grants, and nothing comes after it. */
  lateGrant(at: number, choice: number): void {
    const channel = this.#channels[at];
    if (!channel || channel.broken || channel.natGone || channel.table !== null) return;
    this.agentReports(at);
    for (let n = channel.toNat.length; n > 0; n--) this.toNatMessage(at, 1);
    this.timeMs += MARGIN_MS + choice % (LEASE_MS - 2 * MARGIN_MS);
    for (let n = channel.toAgent.length; n > 0; n--) this.toAgentMessage(at, 1);
    this.cut(at);
  }

  cut(at: number): void {
    const channel = this.#channels[at];
    if (channel && !this.#calm) channel.broken = true;
  }

  notice(at: number, choice: number): void {
    const channel = this.#channels[at];
    if (!channel || !(channel.broken || channel.natGone)) return;
    if (choice % 2 === 0 && !channel.agentNoticed) {
      const agent = this.#awake(at);
      if (!agent) return;
      channel.agentNoticed = true;
      agent.store.lost(NAT_NAME);
    } else if (choice % 2 === 1 && !channel.natNoticed) {
      this.#asNat((nat) => {
        channel.natNoticed = true;
        nat.lost(SERVERS[at]!, channel.agentGone);
      });
    }
  }

  spoilMessage(at: number, choice: number, how: "lose" | "double"): void {
    const channel = this.#channels[at];
    if (!channel || channel.table !== null) return;
    const queue: (AgentMessage | NatMessage)[] = choice % 2 === 0 ? channel.toNat : channel.toAgent;
    if (queue.length === 0 || queue[0]!.type === "welcome") return;
    const place = (choice >>> 1) % queue.length;
    if (how === "double") queue.push(queue[place]!);
    else {
      queue.splice(place, 1);
      // What TCP loses ends the connection, sooner or later.
      channel.broken = true;
    }
  }

  /** For a while things go as they should. */
  flow(rounds: number): void {
    for (let i = 0; i < rounds; i++) {
      for (let n = 0; n < 3; n++) {
        this.arriveAtNat(1);
        this.arriveAtServer(1);
        this.arriveAtClient(1);
      }
      this.natDrains(4);
      this.natMaintains();
      for (const at of [0, 1]) {
        this.toNatMessage(at, 1);
        this.toAgentMessage(at, 1);
        for (let n = 0; n < 3; n++) this.agentWorks(at, n);
        this.agentDrains(at);
      }
      this.check();
    }
  }

  // The judge.

  check(): void {
    this.#owners = this.#truth.survey(this.#records, this.timeMs);
    for (const agent of this.#agents) {
      if (agent === null) continue;
      const matched = new Set<string>();
      for (const { instruction, epoch } of agent.usable()) {
        const { session, generation, protocol, match } = instruction;
        const { source, destination } = match;
        const endpoint = `${protocol} ${source.address}:${source.port} ` +
          `${destination.address}:${destination.port}`;
        assert.ok(!matched.has(endpoint), "two instructions match the same packets");
        matched.add(endpoint);
        const owner = this.#owners.get(endpoint);
        assert.ok(
          owner === undefined || owner === session,
          `an instruction of ${session} is in force at ${endpoint}, which is of ${owner}`,
        );
        assert.ok(
          !this.#ended.has(`${epoch} ${generation}`),
          `generation ${generation} of epoch ${epoch} was reported as ended and is in force`,
        );
      }
    }
  }

  /**
   * No more faults: both sides come to agree, everybody is served, and when all has gone quiet nothing
   * is left on either side.
   */
  settle(): void {
    this.#calm = true;
    // The world's last kill may still be under way.
    this.killNat();
    for (const at of [0, 1]) {
      this.thawAgent(at);
      this.startAgent(at);
      this.cutForGood(at);
    }
    this.#round(50, true);
    this.bypassStart();
    for (const at of [0, 1]) {
      this.undrainServer(at);
      this.agentAble(at, true);
    }
    this.reload(0);
    this.#round(40, true);
    this.#compare();
    this.#everyoneIsServed();
    this.#round(10, true);
    this.#compare();
    this.#goQuiet();
    this.#everyPortIsFree();
  }

  cutForGood(at: number): void {
    const channel = this.#channels[at];
    if (channel) channel.broken = true;
  }

  #round(rounds: number, connects: boolean): void {
    for (let i = 0; i < rounds; i++) {
      this.startNat();
      for (const at of [0, 1]) {
        this.notice(at, 0);
        this.notice(at, 1);
        if (connects) this.connect(at);
        this.agentReports(at);
        this.agentTicks(at);
      }
      this.natTicks();
      for (let n = 0; n < 50 && (n < 1 || this.#busy()); n++) this.flow(1);
      this.timeMs += 100;
    }
  }

  #busy(): boolean {
    const messages = this.#channels.some((it) => it && it.toNat.length + it.toAgent.length > 0);
    return messages || this.#agents.some((it) => it?.busy) ||
      this.#toNat.length + this.#toServers.length + this.#toClients.length > 0;
  }

  /** What the NAT machine believes and what the agents hold is the same. */
  #compare(): void {
    const booked = [...this.#nat!.book.instructions(this.timeMs)];
    this.#agents.forEach((agent, at) => {
      const mine = booked.filter((view) => view.agent === SERVERS[at]);
      const held = [...agent!.store.instructions(5000 + this.timeMs * CLOCK_RATES[at]!)];
      assert.deepEqual(
        held.map((it) => `${it.session} ${it.generation} ${it.state}`).sort(),
        mine.map((it) => `${it.session} ${it.generation} live`).sort(),
      );
      assert.deepEqual(
        [...agent!.inForce.values()].map(({ instruction }) => instruction.session).sort(),
        held.map(({ session }) => session).sort(),
      );
      assert.deepEqual(mine.filter((it) => it.state !== "installed"), []);
    });
    assert.deepEqual(booked.filter(({ agent }) => agent === ""), []);
  }

  /** Whoever opens a conversation now gets answers, also once these bypass. */
  #everyoneIsServed(): void {
    for (const client of this.#clients) client.talk = null;
    this.#round(25, true);
    for (const client of this.#clients.slice(0, 2)) {
      const taken = [...this.#owners.keys()].filter((key) => key.startsWith("tcp"));
      const isFull = SERVERS.some((it) => taken.filter((key) => key.includes(it)).length >= PORTS);
      if (isFull) return;
      this.#toNat.push(this.#born(client.open(this.#truth)));
      for (let i = 1; i <= 5; i++) {
        this.#round(1, true);
        assert.ok(client.heard >= i, `${client.endpoint} gets no answer`);
        const connection = [...this.#servers.connections.values()]
          .find(({ number }) => number === client.talk!.number)!;
        this.#leaveServer(this.#servers.packet(connection));
      }
    }
    this.#tally.count("served at the end");
  }

  /** Nobody sends any more: sessions expire, instructions end, nothing is left. */
  #goQuiet(): void {
    for (const client of this.#clients) client.talk = null;
    this.#servers.connections.clear();
    for (let i = 0; i < 18; i++) {
      this.timeMs += 900;
      this.#round(1, true);
    }
    assert.equal(this.#records.used, 0, "sessions are left in the table");
    assert.equal(this.#nat!.book.size, 0, "instructions are left at the NAT machine");
    for (const agent of this.#agents) {
      assert.equal(agent!.store.size + agent!.inForce.size, 0, "instructions are left at an agent");
    }
  }

  /** As many sessions as there are NAT endpoints can be opened. */
  #everyPortIsFree(): void {
    for (const client of this.#clients) {
      this.#toNat.push(this.#born(client.open(this.#truth)));
      this.flow(2);
    }
    assert.equal(this.#records.used, 3 * PORTS, "a NAT endpoint was lost");
  }

  #onEnded(epoch: string, event: BookEvent & { kind: "ended" }): void {
    const key = `${epoch} ${event.generation}`;
    // A process that was killed while it said so says it again when it is back.
    this.#ended.add(key);
    this.#tally.count(`ended: ${event.cause}`);
  }

  /** A packet leaves the NAT machine: one that it translated, or one of its own. */
  #leaveNat(bytes: Uint8Array<ArrayBuffer>, isOwn: boolean): void {
    const seen = see(bytes);
    if (seen === null) return;
    const packet = this.#born(bytes);
    const toServer = seen.destination.startsWith("10.0.0.");
    if (isOwn) return (toServer ? this.#toServers : this.#toClients).push(packet);
    const talk = this.#truth.conversation(seen.number);
    this.#owners = this.#truth.survey(this.#records, this.timeMs);
    if (toServer) {
      const session = this.#owners.get(keyOf(seen));
      assert.ok(session, `a packet to ${seen.destination} from an endpoint of nobody`);
      const owner = this.#truth.clientOf(session);
      assert.equal(owner, talk.client, "a client's packet leaves from another's NAT endpoint");
      talk.sessions.add(session);
      this.#tally.count("via NAT to server");
      return this.#toServers.push(packet);
    }
    this.#tally.count("via NAT to client");
    // TCP itself refuses a late handshake, whose endpoint may have gone to another at once.
    const refused = talk.protocol === "tcp" &&
      ((seen.flags & (SYN | RST)) !== 0 || this.#truth.wasDisplaced(talk));
    if (!refused || seen.destination === talk.client) this.#belongs(seen);
    this.#toClients.push(packet);
  }

  /** A packet that an instruction translated. */
  #onBypassed(packet: Flying, before: Uint8Array<ArrayBuffer>, by: InForce): void {
    const seen = see(packet.bytes)!;
    const { sessions } = this.#truth.conversation(see(before)!.number);
    assert.equal(seen.number, see(before)!.number);
    assert.ok(
      sessions.has(by.instruction.session),
      `the instruction of ${by.instruction.session} translated a packet of ${[...sessions]}`,
    );
    this.#belongs(seen);
    this.#tally.count("bypassed");
    this.#toClients.push(packet);
  }

  #belongs(seen: { number: number; protocol: string; source: string; destination: string }): void {
    const talk = this.#truth.conversation(seen.number);
    assert.equal(seen.destination, talk.client, "a packet goes to another client");
    assert.equal(seen.source, talk.vip, "a packet comes from another VIP");
    assert.equal(seen.protocol, talk.protocol);
  }

  #leaveServer(bytes: Uint8Array<ArrayBuffer>): void {
    const packet = this.#born(bytes);
    const at = SERVERS.indexOf(see(bytes)!.source.split(":")[0] as typeof SERVERS[number]);
    if (!this.#agents[at]?.capture(packet)) this.#toNat.push(packet);
  }

  /** What only a process that runs does; it may be killed in the middle. */
  #asNat(what: (nat: ModelNat) => void): void {
    if (this.#nat === null || this.#natFrozen) return;
    try {
      what(this.#nat);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    if (!this.#nat.isKilled()) return;
    this.#tally.count("NAT killed in the middle of a write");
    this.killNat();
  }

  #awake(at: number): ModelAgent | null {
    const agent = this.#agents[at];
    return agent && !agent.frozen ? agent : null;
  }

  #pick<T>(queue: T[], choice: number): T {
    // Overtaking is the exception.
    const place = !this.#calm && choice % 8 === 0 ? (choice >>> 3) % queue.length : 0;
    return queue.splice(place, 1)[0]!;
  }

  #wire(choice: number): Wire {
    return [this.#toNat, this.#toServers, this.#toClients][choice % 3]!;
  }

  #born(bytes: Uint8Array<ArrayBuffer>): Flying {
    return { bytes, bornMs: this.timeMs };
  }

  #fresh(packet: Flying | undefined): Flying | undefined {
    return packet && this.timeMs - packet.bornMs <= PACKET_LIFE_MS ? packet : undefined;
  }
}

/** As the truth names a NAT endpoint, seen in a packet on its way to the server. */
function keyOf(seen: { protocol: string; source: string; destination: string }): string {
  return `${seen.protocol} ${seen.destination} ${seen.source}`;
}
