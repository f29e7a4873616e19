import assert from "node:assert/strict";
import type {
  AgentMessage,
  Counters,
  Instruction,
  NatMessage,
  Report,
  Welcome,
} from "../control/messages.ts";
import { NO_COUNTERS } from "../control/messages.ts";
import { InstructionStore, type StoreEffect, type StoreOptions } from "./instruction_store.ts";

const NAT = "10.0.0.1:7400";
const LEASE_MS = 10_000;

const counted = (packets: number): Counters => ({ ...NO_COUNTERS, packets, bytes: 100 * packets });

function welcome(changes: Partial<Welcome> = {}): Welcome {
  return {
    type: "welcome",
    protocol: 1,
    program: "test",
    instance: "n1",
    epoch: "e1",
    leaseMs: LEASE_MS,
    reportMs: 1000,
    snat: [{ first: "10.0.1.1", last: "10.0.1.1" }],
    ports: { first: 1024, last: 65535 },
    services: [{ name: "web", protocol: "tcp", vip: "203.0.113.10:80" }],
    servers: ["10.0.0.11:8080"],
    ...changes,
  };
}

function instruction(session: string, generation: number, port = 1024): Instruction {
  return {
    session,
    generation,
    protocol: "tcp",
    match: { source: "10.0.0.11:8080", destination: `10.0.1.1:${port}` },
    rewrite: {
      source: "203.0.113.10:80",
      destination: `198.51.100.2:${40000 + session.charCodeAt(0)}`,
    },
  };
}

/** A store with a datapath that does nothing by itself, or everything at once. */
class Agent {
  now = 1000;
  readonly sent: AgentMessage[] = [];
  readonly effects: StoreEffect[] = [];
  readonly store: InstructionStore;

  constructor(options: { atOnce: boolean } & Partial<StoreOptions>) {
    this.store = new InstructionStore({
      addresses: ["10.0.0.11"],
      capacity: 100,
      send: (_nat, message) => this.sent.push(message),
      apply: (effect) => {
        this.effects.push(effect);
        if (!options.atOnce) return;
        if (effect.kind === "add") this.store.added(effect.id);
        if (effect.kind === "remove") this.removed(effect.id, 3);
      },
      ...options,
    });
  }

  /** Connected, reported and granted. */
  static ready(options: { atOnce: boolean } & Partial<StoreOptions> = { atOnce: true }): Agent {
    const agent = new Agent(options);
    agent.store.connected(NAT, welcome(), agent.now);
    agent.grant();
    agent.take();
    return agent;
  }

  removed(id: number, packets = 0): void {
    this.store.removed(id, counted(packets), { now: this.now });
  }

  receive(...messages: NatMessage[]): AgentMessage[] {
    for (const message of messages) this.store.message(NAT, message, this.now);
    return this.take();
  }

  install(...entries: Instruction[]): AgentMessage[] {
    return this.receive({ type: "install", nonce: this.nonce, entries });
  }

  stop(session: string, generation: number): AgentMessage[] {
    return this.receive({ type: "stop", entries: [{ session, generation }] });
  }

  /** Of the newest report. */
  nonce = 0;

  grant(): void {
    this.store.report(this.now);
    const reports = this.sent.filter((message): message is Report => message.type === "report");
    this.nonce = reports.at(-1)!.nonce;
    this.store.message(NAT, { type: "grant", nonce: this.nonce }, this.now);
  }

  take(): AgentMessage[] {
    this.effects.length = 0;
    return this.sent.splice(0);
  }

  held(): string[] {
    return [...this.store.instructions(this.now)].map(({ session, generation, state }) =>
      `${session} ${generation} ${state}`
    );
  }
}

const installed = (session: string, generation: number): AgentMessage => ({
  type: "installed",
  entries: [{ session, generation }],
  refused: [],
});
const stopped = (
  session: string,
  generation: number,
  packets: number,
  reason: string | null = null,
): AgentMessage => ({
  type: "stopped",
  entries: [{ session, generation, known: true, reason, ...counted(packets) }],
});
const unknown = (session: string, generation: number): AgentMessage => ({
  type: "stopped",
  entries: [{ session, generation, known: false, reason: null, ...NO_COUNTERS }],
});

/** The reason for which the only instruction was refused. */
function refusal(messages: AgentMessage[]): string {
  const [message, ...rest] = messages;
  assert.deepEqual(rest, []);
  assert.equal(message?.type, "installed");
  if (message?.type !== "installed") return "";
  assert.deepEqual(message.entries, []);
  return message.refused[0]!.reason;
}

Deno.test("a welcome is answered with the table and a report", () => {
  const agent = new Agent({ atOnce: true });
  agent.store.connected(NAT, welcome(), agent.now);
  assert.deepEqual(agent.take(), [
    { type: "table", entries: [], last: true },
    { type: "report", nonce: 1, able: true, reason: null, entries: [] },
  ]);
});

Deno.test("an instruction is acknowledged when the datapath has taken it, not before", () => {
  const agent = Agent.ready({ atOnce: false });
  assert.deepEqual(agent.install(instruction("a", 1)), []);
  assert.deepEqual(agent.held(), ["a 1 adding"]);
  agent.store.added(1);
  assert.deepEqual(agent.take(), [installed("a", 1)]);
  assert.deepEqual(agent.held(), ["a 1 live"]);
});

Deno.test("a stop is acknowledged when the datapath has let go, with the last counters", () => {
  const agent = Agent.ready({ atOnce: false });
  agent.install(instruction("a", 1));
  agent.store.added(1);
  agent.take();
  assert.deepEqual(agent.stop("a", 1), []);
  agent.removed(1, 42);
  assert.deepEqual(agent.take(), [stopped("a", 1, 42)]);
  assert.deepEqual(agent.held(), []);
});

Deno.test("every message may come any number of times and is answered alike", () => {
  const agent = Agent.ready();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(agent.install(instruction("a", 1)), [installed("a", 1)]);
  }
  assert.deepEqual(agent.held(), ["a 1 live"]);
  for (let i = 0; i < 3; i++) assert.deepEqual(agent.stop("a", 1), [stopped("a", 1, 3)]);
  for (let i = 0; i < 3; i++) assert.equal(refusal(agent.install(instruction("a", 1))), "stale");
  for (let i = 0; i < 3; i++) assert.deepEqual(agent.stop("b", 2), [unknown("b", 2)]);
});

Deno.test("the order in which installs and stops arrive does not matter", () => {
  const script: Record<string, (agent: Agent) => void> = {
    I1: (agent) => void agent.install(instruction("a", 1)),
    S1: (agent) => void agent.stop("a", 1),
    I2: (agent) => void agent.install(instruction("a", 2)),
    S2: (agent) => void agent.stop("a", 2),
  };
  for (const atOnce of [true, false]) {
    const run = (order: string[]) => {
      const agent = Agent.ready({ atOnce });
      for (const step of order) script[step]!(agent);
      // A late datapath does everything now.
      for (let i = 0; i < 5; i++) {
        for (const { id, state } of [...agent.store.instructions(agent.now)]) {
          if (state === "adding") agent.store.added(id);
          if (state === "removing") agent.removed(id);
        }
      }
      return agent.held();
    };
    for (const order of permutations(["I1", "S1", "I2", "S2"])) {
      assert.deepEqual(run(order), [], order.join());
    }
    for (const order of permutations(["I1", "S1", "I2"])) {
      assert.deepEqual(run(order), ["a 2 live"], order.join());
    }
  }
});

Deno.test("a later generation takes over only after the datapath has let go of the earlier", () => {
  const agent = Agent.ready({ atOnce: false });
  agent.install(instruction("a", 1));
  agent.store.added(1);
  agent.take();
  assert.deepEqual(agent.install(instruction("b", 2)), []);
  assert.deepEqual(agent.held(), ["a 1 removing"]);
  agent.removed(1, 5);
  assert.deepEqual(agent.take(), [stopped("a", 1, 5, "replaced by a later one")]);
  assert.deepEqual(agent.held(), ["b 2 adding"]);
});

Deno.test("an earlier generation for the same packets is refused, and what is held stays", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 5));
  assert.equal(refusal(agent.install(instruction("b", 4))), "conflict");
  assert.equal(refusal(agent.install(instruction("a", 4))), "stale");
  assert.deepEqual(agent.held(), ["a 5 live"]);
});

Deno.test("the same generation with another content ends both", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 5, 1024));
  assert.deepEqual(agent.install(instruction("a", 5, 1025)), [
    stopped("a", 5, 3, "contradicted by its own copy"),
  ]);
  assert.deepEqual(agent.held(), []);
});

Deno.test("a path MTU goes to the datapath and into the table, and belongs to the generation", () => {
  const agent = Agent.ready();
  const narrow = { ...instruction("a", 5), pathMtu: 1280 };
  agent.install(narrow, instruction("b", 6, 1025));
  const added = agent.store.instructions(agent.now);
  assert.deepEqual([...added].map(({ pathMtu }) => pathMtu), [1280, undefined]);
  agent.store.lost(NAT);
  agent.store.connected(NAT, welcome({ instance: "n2" }), agent.now);
  const [table] = agent.take();
  assert.ok(table?.type === "table");
  assert.deepEqual(table.entries.map(({ pathMtu }) => pathMtu), [1280, undefined]);
  agent.grant();
  agent.take();
  assert.deepEqual(agent.install({ ...narrow, pathMtu: 1000 }), [
    stopped("a", 5, 3, "contradicted by its own copy"),
  ]);
});

Deno.test("an instruction without a path MTU says 0 to the datapath", () => {
  for (const [pathMtu, expected] of [[undefined, 0], [1280, 1280]] as const) {
    const agent = Agent.ready({ atOnce: false });
    const entry = { ...instruction("a", 1), ...(pathMtu !== undefined && { pathMtu }) };
    agent.store.message(NAT, { type: "install", nonce: agent.nonce, entries: [entry] }, agent.now);
    const [effect] = agent.effects.filter((it) => it.kind === "add");
    assert.ok(effect?.kind === "add");
    assert.equal(effect.instruction.pathMtu, expected);
  }
});

Deno.test("what another NAT machine has is not taken from it", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 1));
  const other = "10.0.0.2:7400";
  agent.store.connected(other, welcome({ epoch: "e2" }), agent.now);
  const { nonce } = agent.sent.at(-1) as Report;
  agent.take();
  const entries = [instruction("b", 9)];
  agent.store.message(other, { type: "install", nonce, entries }, agent.now);
  assert.equal(refusal(agent.take()), "conflict");
  agent.store.message(
    other,
    { type: "stop", entries: [{ session: "a", generation: 1 }] },
    agent.now,
  );
  assert.deepEqual(agent.held(), ["a 1 live"]);
});

Deno.test("the lease counts from the sending of the report that was answered", () => {
  const agent = Agent.ready();
  agent.now += 1000;
  agent.store.report(agent.now);
  const { nonce } = agent.sent.at(-1) as Report;
  const sentMs = agent.now;
  agent.take();
  agent.now += 4000;
  agent.store.message(NAT, { type: "grant", nonce }, agent.now);
  assert.deepEqual(agent.effects, [{ kind: "lease", lease: 0, untilMs: sentMs + LEASE_MS }]);
  agent.install(instruction("a", 1));
  assert.equal([...agent.store.instructions(agent.now)][0]!.leaseMs, LEASE_MS - 4000);
});

Deno.test("a grant or an install that comes after its lease is dead on arrival", () => {
  const agent = Agent.ready();
  agent.now += LEASE_MS;
  assert.equal(refusal(agent.install(instruction("a", 1))), "expired");
  agent.store.message(NAT, { type: "grant", nonce: agent.nonce }, agent.now);
  assert.deepEqual(agent.effects, []);
});

Deno.test("a nonce that was never sent on this connection grants nothing", () => {
  const agent = Agent.ready();
  const old = agent.nonce;
  agent.store.lost(NAT);
  agent.store.connected(NAT, welcome(), agent.now);
  agent.take();
  for (const nonce of [old, 999, Number.MAX_SAFE_INTEGER]) {
    agent.store.message(NAT, { type: "grant", nonce }, agent.now);
    const entries = [instruction("a", nonce)];
    agent.store.message(NAT, { type: "install", nonce, entries }, agent.now);
    assert.equal(refusal(agent.take()), "expired");
  }
});

Deno.test("without grants everything lapses, and what lapsed is not revived", () => {
  const agent = Agent.ready({ atOnce: false });
  agent.install(instruction("a", 1));
  agent.store.added(1);
  agent.take();
  agent.now += LEASE_MS - 1;
  agent.store.tick(agent.now);
  assert.deepEqual(agent.held(), ["a 1 live"]);
  agent.now += 1;
  agent.store.tick(agent.now);
  assert.deepEqual(agent.held(), ["a 1 removing"]);
  // A fresh grant comes while the datapath has not let go: the lease stays down until it has.
  agent.grant();
  assert.equal(agent.effects.some((effect) => effect.kind === "lease"), false);
  agent.take();
  agent.removed(1, 7);
  assert.deepEqual(agent.effects, [{ kind: "lease", lease: 0, untilMs: agent.now + LEASE_MS }]);
  assert.deepEqual(agent.take(), [stopped("a", 1, 7, "its lease is over")]);
});

Deno.test("a reconnection within the same epoch tells what is held, and nothing stops", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 1), instruction("b", 2, 1025));
  agent.store.lost(NAT);
  agent.stop("a", 1);
  assert.deepEqual(agent.held(), ["a 1 live", "b 2 live"]);
  agent.store.connected(NAT, welcome({ instance: "n2" }), agent.now);
  const [table] = agent.take();
  assert.equal(table?.type, "table");
  if (table?.type !== "table") return;
  assert.deepEqual(table.entries[0], { ...instruction("a", 1), epoch: "e1", ...NO_COUNTERS });
  assert.equal(table.entries.length, 2);
});

Deno.test("a new epoch ends everything first, and then offers it", () => {
  const agent = Agent.ready({ atOnce: false });
  agent.install(instruction("a", 9));
  agent.store.added(1);
  agent.store.lost(NAT);
  agent.take();
  agent.store.connected(NAT, welcome({ epoch: "e2" }), agent.now);
  assert.deepEqual(agent.effects, [
    { kind: "lease", lease: 0, untilMs: 0 },
    { kind: "remove", id: 1 },
  ]);
  assert.deepEqual(agent.take(), []);
  agent.removed(1, 7);
  const [table] = agent.take();
  assert.deepEqual(table, {
    type: "table",
    entries: [{ ...instruction("a", 9), epoch: "e1", ...counted(7) }],
    last: true,
  });
  // Generations start anew.
  agent.grant();
  agent.take();
  agent.install(instruction("a", 1));
  agent.store.added(1);
  assert.deepEqual(agent.take(), [installed("a", 1)]);
});

Deno.test("what lapsed while the NAT machine was away is offered to a new epoch, and to no other", () => {
  for (const epoch of ["e1", "e2"]) {
    const agent = Agent.ready();
    agent.install(instruction("a", 1));
    agent.store.lost(NAT);
    agent.now += 60_000;
    agent.store.tick(agent.now);
    agent.take();
    agent.store.connected(NAT, welcome({ epoch }), agent.now);
    const [table] = agent.take();
    const sessions = table?.type === "table" ? table.entries.map(({ session }) => session) : null;
    assert.deepEqual(sessions, epoch === "e1" ? [] : ["a"]);
  }
});

Deno.test("a policy that no longer allows an instruction ends it", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 1), instruction("b", 2, 2000));
  agent.take();
  const { snat, services, servers } = welcome();
  const answers = agent.receive({
    type: "policy",
    snat,
    services,
    servers,
    ports: { first: 1024, last: 1999 },
  });
  assert.deepEqual(answers, [
    stopped("b", 2, 3, "10.0.1.1:2000 was not announced as a SNAT endpoint"),
  ]);
});

Deno.test("limits refuse: too many instructions, and too many within a second", () => {
  const full = Agent.ready({ atOnce: true, capacity: 1 });
  full.install(instruction("a", 1));
  assert.equal(refusal(full.install(instruction("b", 2, 1025))), "full");
  assert.deepEqual(full.held(), ["a 1 live"]);
  const busy = Agent.ready({ atOnce: true, installsPerSecond: 1 });
  busy.install(instruction("a", 1));
  assert.equal(refusal(busy.install(instruction("b", 2, 1025))), "busy");
  busy.now += 1000;
  assert.deepEqual(busy.install(instruction("c", 3, 1026)), [installed("c", 3)]);
});

Deno.test("what the rules forbid, or nobody can read, is refused for good", () => {
  const agent = Agent.ready();
  const foreign = instruction("a", 1);
  foreign.match.source = "10.0.0.12:8080";
  assert.equal(refusal(agent.install(foreign)), "forbidden");
  const odd = instruction("b", 2);
  odd.rewrite.destination = "client";
  assert.equal(refusal(agent.install(odd)), "malformed");
  assert.equal(refusal(agent.install(instruction("a", 1))), "stale");
});

Deno.test("an instruction that the datapath cannot take is refused", () => {
  const agent = Agent.ready({ atOnce: false });
  agent.install(instruction("a", 1));
  agent.store.rejected(1, "no room", agent.now);
  assert.equal(refusal(agent.take()), "full");
  assert.deepEqual(agent.held(), []);
});

Deno.test("an agent that cannot bypass lets go of everything, says why, and refuses more", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 1));
  agent.store.setAble(false, "rp_filter is strict on eth0");
  assert.deepEqual(agent.take().at(-1), stopped("a", 1, 3, "unable: rp_filter is strict on eth0"));
  assert.equal(refusal(agent.install(instruction("b", 2))), "unable");
  agent.store.report(agent.now);
  const [report] = agent.take();
  assert.equal(report?.type === "report" && report.able, false);
});

Deno.test("what stands in the way of one family leaves the instructions of the other alone", () => {
  const own = ["10.0.0.11", "2001:db8:10::11"];
  const agent = new Agent({ atOnce: true, addresses: own });
  const { snat, services } = welcome();
  agent.store.connected(
    NAT,
    welcome({
      snat: [...snat, { first: "2001:db8:1::1", last: "2001:db8:1::1" }],
      services: [...services, { name: "web6", protocol: "tcp", vip: "[2001:db8:f::10]:80" }],
    }),
    agent.now,
  );
  agent.grant();
  agent.take();
  const instruction6 = (session: string, generation: number): Instruction => ({
    session,
    generation,
    protocol: "tcp",
    match: {
      source: "[2001:db8:10::11]:8080",
      destination: `[2001:db8:1::1]:${1024 + generation}`,
    },
    rewrite: { source: "[2001:db8:f::10]:80", destination: "[2001:db8:c::2]:40000" },
  });
  agent.install(instruction("a", 1), instruction6("b", 2));
  const unable = { ipv4: "rp_filter is strict on eth0" };
  agent.store.setAble(true, unable.ipv4);
  agent.store.setUnable(unable);
  assert.deepEqual(agent.take(), [stopped("a", 1, 3, "unable: rp_filter is strict on eth0")]);
  assert.equal(refusal(agent.install(instruction("c", 3))), "unable");
  agent.install(instruction6("d", 4));
  assert.deepEqual(agent.held(), ["b 2 live", "d 4 live"]);
  agent.store.report(agent.now);
  const [report] = agent.take() as Report[];
  assert.deepEqual([report!.able, report!.reason, report!.unable], [true, unable.ipv4, unable]);
  agent.store.setAble(true, null);
  agent.store.setUnable({});
  agent.install(instruction("e", 5));
  assert.deepEqual(agent.held(), ["b 2 live", "d 4 live", "e 5 live"]);
  agent.store.report(agent.now);
  assert.ok(!("unable" in (agent.take()[0] as Report)));
});

Deno.test("a report tells what changed since the last, with the idle time as of now", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 1), instruction("b", 2, 1025));
  agent.take();
  agent.store.count(1, { ...counted(5), idleMs: 10 }, agent.now);
  agent.now += 200;
  agent.store.report(agent.now);
  const [first] = agent.take() as Report[];
  assert.deepEqual(first!.entries, [{ session: "a", generation: 1, ...counted(5), idleMs: 210 }]);
  agent.store.report(agent.now);
  assert.deepEqual((agent.take() as Report[])[0]!.entries, []);
});

Deno.test("an instruction that the datapath drops of its own accord is reported as stopped", () => {
  const agent = Agent.ready({ atOnce: false });
  agent.install(instruction("a", 1));
  agent.store.added(1);
  agent.take();
  agent.store.removed(1, counted(4), { now: agent.now, reason: "a new connection was seen" });
  assert.deepEqual(agent.take(), [stopped("a", 1, 4, "a new connection was seen")]);
});

Deno.test("a NAT machine that is forgotten leaves nothing, and its lease number is free again", () => {
  const agent = Agent.ready();
  agent.install(instruction("a", 1));
  agent.store.forget(NAT);
  assert.deepEqual(agent.held(), []);
  agent.take();
  agent.store.connected("10.0.0.9:7400", welcome(), agent.now);
  const { nonce } = agent.sent.at(-1) as Report;
  agent.store.message("10.0.0.9:7400", { type: "grant", nonce }, agent.now);
  assert.deepEqual(agent.effects.at(-1), {
    kind: "lease",
    lease: 0,
    untilMs: agent.now + LEASE_MS,
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest])
  );
}
