/**
 * A NAT machine, two agents and a bad network between them, in one process and driven by a script of steps: messages
 * are lost, doubled and overtaken, connections break and are noticed at different times, either side restarts, clocks run
 * at different rates, the datapath confirms late.
 *
 * After every step: no packet of one session can be translated by another session's instruction, and none by an
 * instruction that was reported as ended.
 */
import assert from "node:assert/strict";
import type { AgentMessage, NatMessage, TableEntry } from "../../lib/control/messages.ts";
import { type BookEvent, InstructionBook } from "../../lib/nat/instruction_book.ts";
import type { InstructionEntry } from "../../lib/nat/instruction_book.ts";
import { InstructionStore, type ParsedInstruction } from "../../lib/agent/instruction_store.ts";
import type { StoreEffect } from "../../lib/agent/instruction_store.ts";

const LEASE_MS = 1000;
const MARGIN_MS = 100;
/** Of the agents' clocks against the NAT machine's: together less than the margin allows for one lease. */
const CLOCK_RATES = [1.04, 0.96];
const ENDPOINTS_PER_SERVER = 2;
const NAT = "10.0.0.1:7400";

/** One step of a script; the number chooses among what is possible. */
export type Step = readonly [action: Action, choice: number];
/** What a step can do, and how often it is wanted. */
export const ACTIONS = {
  open: 4,
  install: 8,
  stop: 3,
  close: 3,
  deliver: 20,
  flow: 20,
  lose: 1,
  double: 2,
  worker: 15,
  packet: 10,
  report: 8,
  tick: 6,
  time: 16,
  pause: 2,
  connect: 6,
  break: 1,
  notice: 4,
  fence: 1,
  "agent restarts": 0.3,
  "NAT restarts": 0.3,
  "NAT forgets": 0.3,
} as const;
export type Action = keyof typeof ACTIONS;

interface Session {
  readonly id: string;
  readonly agent: number;
  readonly endpoint: number;
  open: boolean;
}

interface Connection {
  readonly agent: number;
  readonly toNat: AgentMessage[];
  readonly toAgent: NatMessage[];
  /** Bytes go nowhere any more. */
  broken: boolean;
  agentNoticed: boolean;
  natNoticed: boolean;
  /** The NAT machine's part of the greeting: the table is read as one. */
  table: TableEntry[] | null;
}

interface DatapathEntry {
  readonly instruction: ParsedInstruction;
  readonly lease: number;
  /** Of the NAT machine's table, when the agent took the instruction. */
  readonly epoch: string;
  packets: number;
}

/** An agent: its store, and a datapath that does things when it gets to them. */
class ModelAgent {
  readonly index: number;
  readonly world: World;
  readonly name: string;
  instance = 0;
  epoch = "";
  store!: InstructionStore;
  /** What the worker would use now. */
  entries = new Map<number, DatapathEntry>();
  leases = new Map<number, number>();
  /** On their way to the worker, and back. */
  commands: { readonly effect: StoreEffect; readonly epoch: string }[] = [];
  confirmations: (() => void)[] = [];

  constructor(world: World, index: number) {
    this.world = world;
    this.index = index;
    this.name = `s${index + 1}`;
    this.restart();
  }

  get address(): string {
    return `10.0.0.${11 + this.index}`;
  }

  /** Starts at 5 seconds: zero must not be special. */
  now(): number {
    return 5000 + this.world.timeMs * CLOCK_RATES[this.index]!;
  }

  restart(): void {
    this.instance++;
    this.entries = new Map();
    this.leases = new Map();
    this.commands = [];
    this.confirmations = [];
    this.store = new InstructionStore({
      addresses: [this.address],
      capacity: ENDPOINTS_PER_SERVER + 1,
      apply: (effect) => {
        // The lease is a number in shared memory; the rest goes to the worker.
        if (effect.kind === "lease") this.leases.set(effect.lease, effect.untilMs);
        else this.commands.push({ effect, epoch: this.epoch });
      },
      send: (_nat, message) => {
        const connection = this.world.connections[this.index];
        if (connection && !connection.agentNoticed) connection.toNat.push(message);
      },
    });
  }

  /** The worker does the next thing, or its answer arrives. */
  work(choice: number): void {
    if (this.confirmations.length > 0 && (choice % 2 === 0 || this.commands.length === 0)) {
      this.confirmations.shift()!();
      return;
    }
    const command = this.commands.shift();
    if (command?.effect.kind === "add") {
      const { id, lease, instruction } = command.effect;
      assert.ok(!this.entries.has(id), "an id is in use twice");
      this.entries.set(id, { instruction, lease, epoch: command.epoch, packets: 0 });
      this.confirmations.push(() => this.store.added(id));
    } else if (command?.effect.kind === "remove") {
      this.takeAway(command.effect.id);
    }
  }

  takeAway(id: number, reason?: string): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.entries.delete(id);
    const why = reason === undefined ? {} : { reason };
    const counters = this.counters(entry);
    this.confirmations.push(() => this.store.removed(id, counters, { now: this.now(), ...why }));
  }

  usable(): [number, DatapathEntry][] {
    return [...this.entries].filter(([, { lease }]) => this.now() < (this.leases.get(lease) ?? 0));
  }

  counters({ packets }: DatapathEntry) {
    const sequence = packets > 0 ? packets : null;
    return { packets, bytes: 100 * packets, idleMs: 0, fin: false, rst: false, sequence };
  }
}

/** Everything. */
export class World {
  timeMs = 0;
  readonly agents: ModelAgent[] = [];
  readonly connections: (Connection | null)[] = [null, null];
  /** What the file of the NAT machine holds. */
  sessions = new Map<string, Session>();
  #owners = new Map<string, string>();
  #instructions = new Map<
    string,
    { entry: InstructionEntry; generation: number; state: "sent" | "installed" }
  >();
  #book!: InstructionBook;
  #epoch = 0;
  #generation = 1;
  #endpointsFromMs = 0;
  #sessionCount = 0;
  /** Every generation of this epoch: how often it ended. */
  #ends = new Map<number, number>();
  /** What the datapath did for each generation, in any epoch. */
  #packets = new Map<string, number>();
  /** Whether messages were lost or overtaken, so that counters may be old. */
  unreliable = false;
  installs = 0;
  ends = new Map<string, number>();

  constructor() {
    this.agents.push(new ModelAgent(this, 0), new ModelAgent(this, 1));
    this.#startNat();
    for (const agent of this.agents) this.#connect(agent);
  }

  get epoch(): string {
    return `e${this.#epoch}`;
  }

  step([action, choice]: Step): void {
    const agent = this.agents[choice & 1]!;
    const rest = choice >>> 1;
    if (action === "open") this.#open(agent, rest);
    else if (action === "install") this.#install(rest);
    else if (action === "stop") this.#stop(rest);
    else if (action === "close") this.#close(rest);
    else if (action === "deliver") this.#deliver(agent, rest);
    else if (action === "flow") this.#flow(agent, rest);
    else if (action === "lose" || action === "double") this.#spoil(agent, rest, action);
    else if (action === "worker") agent.work(rest);
    else if (action === "packet") this.#packet(agent, rest);
    else if (action === "report") this.#report(agent);
    else if (action === "tick") this.#tick(rest);
    else if (action === "time") this.timeMs += rest % 100;
    else if (action === "pause") this.timeMs += rest % (3 * LEASE_MS);
    else if (action === "connect") this.#connect(agent);
    else if (action === "break") this.#break(agent);
    else if (action === "notice") this.#notice(agent, rest);
    else if (action === "agent restarts") this.#restartAgent(agent);
    else if (action === "NAT restarts") this.#restartNat(false);
    else if (action === "NAT forgets") this.#restartNat(true);
    else if (action === "fence") this.#fence(agent, rest);
    this.#check();
  }

  /**
   * Everything works again, for long enough. Then both sides must agree. A message that is lost ends a connection, so
   * what was lost without an end before is followed by one here.
   */
  settle(): void {
    if (this.unreliable) { for (const agent of this.agents) this.#break(agent); }
    for (let round = 0; round < 30; round++) {
      for (const agent of this.agents) {
        this.#notice(agent, 0);
        this.#notice(agent, 1);
        this.#connect(agent);
        for (let i = 0; i < 200 && (i < 4 || this.#isBusy(agent)); i++) {
          this.#deliver(agent, 0);
          agent.work(i);
          this.#check();
        }
        this.#report(agent);
      }
      this.#tick(0);
      this.#tick(1);
      this.#tick(2);
      this.timeMs += 100;
      this.#check();
    }
    const booked = [...this.#book.instructions(this.timeMs)];
    for (const agent of this.agents) {
      const mine = booked.filter((view) => view.agent === agent.name);
      const held = [...agent.store.instructions(agent.now())];
      const text = ({ session, generation, state }: { [key in keyof typeof mine[0]]?: unknown }) =>
        `${session} ${generation} ${state === "live" ? "installed" : state}`;
      assert.deepEqual(mine.map(text).sort(), held.map(text).sort());
      assert.deepEqual(
        [...agent.entries.values()].map(({ instruction }) => instruction.session).sort(),
        held.map(({ session }) => session).sort(),
      );
      assert.ok(mine.every(({ state }) => state === "installed"));
      for (const view of mine) {
        const entry = [...agent.entries.values()].find((other) =>
          other.instruction.session === view.session
        )!;
        assert.ok(view.counters.packets <= entry.packets);
      }
    }
    assert.ok(booked.every(({ agent }) => agent !== ""));
  }

  #isBusy({ index, commands, confirmations }: ModelAgent): boolean {
    const connection = this.connections[index];
    return commands.length + confirmations.length > 0 ||
      (!!connection && connection.toNat.length + connection.toAgent.length > 0);
  }

  #startNat(): void {
    this.#book = new InstructionBook({
      epoch: this.epoch,
      leaseMs: LEASE_MS,
      marginMs: MARGIN_MS,
      firstGeneration: this.#generation,
      send: (name, message) => {
        const connection = this.connections[this.agents.findIndex((agent) => agent.name === name)];
        if (connection && !connection.natNoticed) connection.toAgent.push(message);
      },
      changed: (event) => this.#changed(event),
    });
  }

  #changed(event: BookEvent): void {
    const { session, generation, counters } = event;
    const used = this.#packets.get(`${this.epoch} ${generation}`) ?? 0;
    assert.ok(counters.packets <= used, "more packets were reported than translated");
    const instruction = this.#instructions.get(session);
    if (event.kind === "installed" && instruction) instruction.state = "installed";
    if (event.kind !== "ended") return;
    assert.equal(this.#ends.get(generation), 0, `generation ${generation} must end once`);
    this.#ends.set(generation, 1);
    this.ends.set(event.cause, (this.ends.get(event.cause) ?? 0) + 1);
    if (event.cause === "stopped" && !this.unreliable) assert.equal(counters.packets, used);
    this.#instructions.delete(session);
    const owner = this.sessions.get(session);
    if (owner && !owner.open) this.#free(owner);
  }

  #open(agent: ModelAgent, choice: number): void {
    const endpoint = choice % ENDPOINTS_PER_SERVER;
    if (this.#owners.has(`${agent.index} ${endpoint}`)) return;
    if (this.timeMs < this.#endpointsFromMs) return;
    const id = `c${++this.#sessionCount}`;
    this.#own({ id, agent: agent.index, endpoint, open: true });
  }

  #own(session: Session): void {
    this.sessions.set(session.id, session);
    this.#owners.set(`${session.agent} ${session.endpoint}`, session.id);
  }

  /** No quarantine: the endpoint may be another session's at once. */
  #free(session: Session): void {
    this.sessions.delete(session.id);
    this.#owners.delete(`${session.agent} ${session.endpoint}`);
  }

  #choose(choice: number): Session | undefined {
    return [...this.sessions.values()][choice % Math.max(1, this.sessions.size)];
  }

  #install(choice: number): void {
    const ready = [...this.sessions.values()].filter(({ id, open }) =>
      open && !this.#instructions.has(id)
    );
    const session = ready[choice % Math.max(1, ready.length)];
    if (!session) return;
    const agent = this.agents[session.agent]!;
    const entry = entryOf(session, agent);
    // As the file has it: written before it is sent.
    const expected = this.#book.nextGeneration;
    this.#ends.set(expected, 0);
    const generation = this.#book.install(agent.name, entry, session.endpoint, this.timeMs);
    this.#generation = this.#book.nextGeneration;
    if (generation === 0) {
      this.#ends.delete(expected);
      return;
    }
    this.installs++;
    this.#instructions.set(session.id, { entry, generation, state: "sent" });
  }

  #stop(choice: number): void {
    const session = this.#choose(choice);
    if (session) this.#book.stop(session.id, this.timeMs);
  }

  #close(choice: number): void {
    const session = this.#choose(choice);
    if (!session) return;
    session.open = false;
    if (this.#book.state(session.id, this.timeMs)) this.#book.stop(session.id, this.timeMs);
    else this.#free(session);
  }

  /** One message arrives, in any order, but for the greeting. */
  #deliver(agent: ModelAgent, choice: number): void {
    const connection = this.connections[agent.index];
    if (!connection || connection.broken) return;
    const toNat = choice % 2 === 0 ? connection.toNat.length > 0 : connection.toAgent.length === 0;
    // Overtaking is the exception.
    const at = (choice & 14) === 0 ? choice >>> 4 : 0;
    if (toNat && connection.toNat.length > 0) {
      if (connection.table !== null) this.#readTable(connection);
      else {
        const [message] = connection.toNat.splice(at % connection.toNat.length, 1);
        if (at > 0) this.unreliable = true;
        this.#book.message(agent.name, message!, this.timeMs);
      }
    } else if (connection.toAgent.length > 0) {
      const isGreeting = connection.toAgent[0]!.type === "welcome";
      const index = isGreeting ? 0 : at % connection.toAgent.length;
      const [message] = connection.toAgent.splice(index, 1);
      if (index > 0) this.unreliable = true;
      if (message!.type === "welcome") {
        agent.epoch = message!.epoch;
        agent.store.connected(NAT, message!, agent.now());
      } else agent.store.message(NAT, message!, agent.now());
    }
  }

  /** A quiet while in which things go as they should. */
  #flow(agent: ModelAgent, choice: number): void {
    for (let i = 0; i < choice % 16; i++) {
      this.#deliver(agent, i & 1);
      agent.work(i);
      this.#check();
    }
  }

  #readTable(connection: Connection): void {
    const message = connection.toNat.shift()!;
    assert.equal(message.type, "table", "the table comes first");
    if (message.type !== "table") return;
    connection.table!.push(...message.entries);
    if (!message.last) return;
    const table = connection.table!;
    connection.table = null;
    const agent = this.agents[connection.agent]!;
    const offers = this.#book.agentConnected(agent.name, {
      instance: `i${agent.instance}`,
      table,
      now: this.timeMs,
    });
    for (const offer of offers) this.#rebuild(agent, offer);
  }

  #rebuild(agent: ModelAgent, offer: TableEntry): void {
    assert.notEqual(offer.epoch, this.epoch);
    const endpoint = Number(offer.match.destination.split(":")[1]) - 1024;
    if (this.#owners.has(`${agent.index} ${endpoint}`) || this.sessions.has(offer.session)) return;
    this.#own({ id: offer.session, agent: agent.index, endpoint, open: true });
  }

  #spoil(agent: ModelAgent, choice: number, how: "lose" | "double"): void {
    const connection = this.connections[agent.index];
    if (!connection || connection.table !== null) return;
    const queue: (AgentMessage | NatMessage)[] = choice % 2 === 0
      ? connection.toNat
      : connection.toAgent;
    if (queue.length === 0 || queue[0]!.type === "welcome") return;
    const at = (choice >>> 1) % queue.length;
    this.unreliable = true;
    if (how === "lose") queue.splice(at, 1);
    else queue.push(queue[at]!);
  }

  /** A response packet that the datapath finds an instruction for. */
  #packet(agent: ModelAgent, choice: number): void {
    const usable = agent.usable();
    if (usable.length === 0) return;
    const [id, entry] = usable[choice % usable.length]!;
    entry.packets++;
    const generation = `${entry.epoch} ${entry.instruction.generation}`;
    this.#packets.set(generation, (this.#packets.get(generation) ?? 0) + 1);
    agent.store.count(id, agent.counters(entry), agent.now());
  }

  #fence(agent: ModelAgent, choice: number): void {
    const ids = [...agent.entries.keys()];
    if (ids.length > 0) agent.takeAway(ids[choice % ids.length]!, "a new connection was seen");
  }

  #report(agent: ModelAgent): void {
    agent.store.report(agent.now());
  }

  #tick(choice: number): void {
    const who = choice % 3;
    if (who === 2) this.#book.tick(this.timeMs);
    else this.agents[who]!.store.tick(this.agents[who]!.now());
  }

  #connect(agent: ModelAgent): void {
    const old = this.connections[agent.index];
    if (old && !old.agentNoticed) return;
    // The NAT machine ends the old connection when the same agent comes again.
    if (old && !old.natNoticed) this.#book.agentLost(agent.name);
    this.connections[agent.index] = {
      agent: agent.index,
      toNat: [],
      toAgent: [{
        type: "welcome",
        protocol: 1,
        program: "",
        instance: "n",
        epoch: this.epoch,
        leaseMs: LEASE_MS,
        reportMs: 100,
        snat: [{ first: "10.0.1.1", last: "10.0.1.1" }],
        ports: { first: 1024, last: 1024 + ENDPOINTS_PER_SERVER },
        services: [{ name: "web", protocol: "tcp", vip: "203.0.113.10:80" }],
        servers: [`${agent.address}:8080`],
      }],
      broken: false,
      agentNoticed: false,
      natNoticed: false,
      table: [],
    };
  }

  #break(agent: ModelAgent): void {
    const connection = this.connections[agent.index];
    if (connection) connection.broken = true;
  }

  #notice(agent: ModelAgent, choice: number): void {
    const connection = this.connections[agent.index];
    if (!connection?.broken) return;
    if (choice % 2 === 0 && !connection.agentNoticed) {
      connection.agentNoticed = true;
      agent.store.lost(NAT);
    } else if (choice % 2 === 1 && !connection.natNoticed) {
      connection.natNoticed = true;
      this.#book.agentLost(agent.name);
    }
  }

  /** Its device, its route and all it held are gone with the process. */
  #restartAgent(agent: ModelAgent): void {
    const connection = this.connections[agent.index];
    if (connection) {
      connection.broken = true;
      connection.agentNoticed = true;
    }
    agent.restart();
  }

  #restartNat(forgets: boolean): void {
    for (const connection of this.connections) {
      if (!connection) continue;
      connection.broken = true;
      connection.natNoticed = true;
    }
    if (forgets) {
      this.#epoch++;
      this.#generation = 1;
      this.sessions.clear();
      this.#owners.clear();
      this.#instructions.clear();
      this.#ends.clear();
      this.#endpointsFromMs = this.timeMs + LEASE_MS + MARGIN_MS;
    }
    this.#startNat();
    for (const [session, { entry, generation, state }] of this.#instructions) {
      const { endpoint, open } = this.sessions.get(session)!;
      const options = {
        generation,
        tag: endpoint,
        state: open ? state : "stopping" as const,
        now: this.timeMs,
      };
      this.#book.restore(entry, options);
    }
  }

  #check(): void {
    for (const agent of this.agents) {
      const keys = new Set<string>();
      for (const [, { instruction, epoch }] of agent.usable()) {
        const { session, generation, match } = instruction;
        const endpoint = match.destination.port - 1024;
        assert.ok(!keys.has(String(endpoint)), "two instructions match the same packets");
        keys.add(String(endpoint));
        const owner = this.#owners.get(`${agent.index} ${endpoint}`);
        assert.ok(
          owner === undefined || owner === session,
          `${session} translates packets of ${owner}`,
        );
        const hasEnded = epoch === this.epoch && this.#ends.get(generation) === 1;
        assert.ok(!hasEnded, `generation ${generation} lives on`);
      }
    }
  }
}

function entryOf(session: Session, agent: ModelAgent): InstructionEntry {
  return {
    session: session.id,
    protocol: "tcp",
    match: {
      source: `${agent.address}:8080`,
      destination: `10.0.1.1:${1024 + session.endpoint}`,
    },
    rewrite: {
      source: "203.0.113.10:80",
      destination: `198.51.100.2:${40000 + Number(session.id.slice(1))}`,
    },
  };
}
