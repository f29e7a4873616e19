import assert from "node:assert/strict";
import {
  type AgentMessage,
  BATCH_ENTRIES,
  type NatMessage,
  NO_COUNTERS,
  type TableEntry,
} from "../control/messages.ts";
import { type BookEvent, InstructionBook } from "./instruction_book.ts";
import type { InstructionEntry } from "./instruction_book.ts";

const LEASE_MS = 10_000;
const MARGIN_MS = 500;

function entry(session: string, port = 1024): InstructionEntry {
  return {
    session,
    protocol: "tcp",
    match: { source: "10.0.0.11:8080", destination: `10.0.1.1:${port}` },
    rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
  };
}

const counted = (packets: number) => ({ ...NO_COUNTERS, packets, bytes: 100 * packets });

function tableEntry(session: string, generation: number, packets = 0): TableEntry {
  return { ...entry(session), generation, epoch: "e1", ...counted(packets) };
}

/** A book with one agent, `s1`. */
class Nat {
  now = 1000;
  nonce = 0;
  readonly sent: { agent: string; message: NatMessage }[] = [];
  readonly events: BookEvent[] = [];
  readonly book: InstructionBook;

  constructor(firstGeneration = 1) {
    this.book = new InstructionBook({
      epoch: "e1",
      leaseMs: LEASE_MS,
      marginMs: MARGIN_MS,
      firstGeneration,
      send: (agent, message) => this.sent.push({ agent, message }),
      changed: (event) => this.events.push(event),
    });
  }

  /** The agent is connected and has reported. */
  static ready(): Nat {
    const nat = new Nat();
    nat.connect();
    nat.report();
    nat.take();
    return nat;
  }

  connect(table: TableEntry[] = [], instance = "i1", agent = "s1"): TableEntry[] {
    return this.book.agentConnected(agent, { instance, table, now: this.now });
  }

  receive(message: AgentMessage, agent = "s1"): void {
    this.book.message(agent, message, this.now);
  }

  report(entries: { session: string; generation: number; packets: number }[] = []): void {
    this.receive({
      type: "report",
      nonce: ++this.nonce,
      able: true,
      reason: null,
      entries: entries.map(({ packets, ...key }) => ({ ...key, ...counted(packets) })),
    });
  }

  acknowledge(session: string, generation: number, agent = "s1"): void {
    this.receive({ type: "installed", entries: [{ session, generation }], refused: [] }, agent);
  }

  stopped(session: string, generation: number, packets = 0, agent = "s1"): void {
    const key = { session, generation, known: true, reason: null };
    this.receive({ type: "stopped", entries: [{ ...key, ...counted(packets) }] }, agent);
  }

  /** Installed and acknowledged; returns the generation. */
  installed(session: string, tag = 0): number {
    const generation = this.book.install("s1", entry(session), tag, this.now);
    this.acknowledge(session, generation);
    this.take();
    return generation;
  }

  state(session: string): string | undefined {
    return this.book.state(session, this.now)?.state;
  }

  advance(ms: number): void {
    this.now += ms;
    this.book.tick(this.now);
  }

  take(): NatMessage[] {
    this.events.length = 0;
    return this.sent.splice(0).map(({ message }) => message);
  }

  /** The events as `kind session generation cause`. */
  told(): string[] {
    const text = (event: BookEvent) =>
      `${event.kind} ${event.session} ${event.generation}` +
      (event.kind === "ended" ? ` ${event.cause}` : "");
    return this.events.splice(0).map(text);
  }
}

const stopOf = (...keys: [string, number][]): NatMessage => ({
  type: "stop",
  entries: keys.map(([session, generation]) => ({ session, generation })),
});

Deno.test("an instruction is sent at once, and installed when the agent says so", () => {
  const nat = Nat.ready();
  assert.equal(nat.book.install("s1", entry("a"), 42, nat.now), 1);
  assert.deepEqual(nat.take(), [
    { type: "install", nonce: 1, entries: [{ ...entry("a"), generation: 1 }] },
  ]);
  assert.equal(nat.state("a"), "sent");
  nat.acknowledge("a", 1);
  assert.deepEqual(nat.events.map(({ kind, tag }) => [kind, tag]), [["installed", 42]]);
  assert.equal(nat.state("a"), "installed");
  nat.acknowledge("a", 1);
  assert.equal(nat.events.length, 1);
});

Deno.test("an instruction is sent only to an agent that is there, heard of, and has none for the session", () => {
  const nat = new Nat();
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 0);
  nat.connect();
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 0);
  nat.report();
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 1);
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 0);
  nat.book.stop("a", nat.now);
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 0);
  nat.stopped("a", 1);
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 2);
  nat.now += LEASE_MS + MARGIN_MS;
  assert.equal(nat.book.install("s1", entry("b"), 0, nat.now), 0);
  nat.report();
  nat.book.agentLost("s1");
  assert.equal(nat.book.install("s1", entry("b"), 0, nat.now), 0);
});

Deno.test("a stop ends with the acknowledgement, once, with the last counters", () => {
  const nat = Nat.ready();
  nat.installed("a", 42);
  nat.book.stop("a", nat.now, "drained");
  assert.deepEqual(nat.take(), [stopOf(["a", 1])]);
  assert.equal(nat.state("a"), "stopping");
  nat.stopped("a", 1, 900);
  const [event] = nat.events;
  assert.ok(event?.kind === "ended");
  assert.deepEqual([event.cause, event.reason, event.tag], ["stopped", "drained", 42]);
  assert.deepEqual([event.counters.packets, event.counters.bytes], [900, 90_000]);
  assert.equal(nat.state("a"), undefined);
  nat.stopped("a", 1, 900);
  assert.equal(nat.events.length, 1);
});

Deno.test("a stop is sent again with growing pauses until it is answered", () => {
  const nat = Nat.ready();
  nat.installed("a");
  const times: number[] = [];
  const began = nat.now;
  nat.book.stop("a", nat.now);
  nat.take();
  for (let i = 0; i < 400; i++) {
    nat.advance(10);
    if (i % 100 === 99) nat.report();
    if (nat.take().some(({ type }) => type === "stop")) times.push(nat.now - began);
  }
  assert.deepEqual(times, [50, 150, 350, 750, 1550, 2550, 3550]);
  nat.stopped("a", 1);
  nat.advance(5000);
  assert.deepEqual(nat.take(), []);
});

Deno.test("an install that nobody answers is sent again, and then stopped", () => {
  const nat = Nat.ready();
  nat.book.install("s1", entry("a"), 0, nat.now);
  const types: string[] = [];
  for (let i = 0; i < 80; i++) {
    nat.advance(100);
    if (i % 10 === 9) nat.report();
    types.push(...nat.take().map(({ type }) => type).filter((type) => type !== "grant"));
  }
  assert.deepEqual(types.slice(0, 5), ["install", "install", "install", "stop", "stop"]);
  assert.equal(nat.state("a"), "stopping");
});

Deno.test("an answer counts only for the right generation, from the right agent", () => {
  const nat = Nat.ready();
  nat.connect([], "x1", "s2");
  nat.installed("a");
  nat.book.stop("a", nat.now);
  nat.take();
  nat.stopped("a", 2);
  nat.stopped("a", 1, 0, "s2");
  nat.stopped("b", 1);
  nat.receive({
    type: "installed",
    entries: [],
    refused: [{ session: "a", generation: 1, reason: "full", detail: "" }],
  }, "s2");
  nat.receive({ type: "stopped", entries: [] }, "nobody");
  assert.deepEqual(nat.told(), []);
  assert.equal(nat.state("a"), "stopping");
});

Deno.test("a refusal ends the instruction, with the agent's reason", () => {
  const nat = Nat.ready();
  nat.book.install("s1", entry("a"), 0, nat.now);
  nat.receive({
    type: "installed",
    entries: [],
    refused: [{ session: "a", generation: 1, reason: "full", detail: "the limit is 100" }],
  });
  const [event] = nat.events;
  assert.ok(event?.kind === "ended");
  assert.deepEqual([event.cause, event.reason], ["refused", "full: the limit is 100"]);
});

Deno.test("every report is granted, and counters only go forward", () => {
  const nat = Nat.ready();
  nat.installed("a");
  nat.report([{ session: "a", generation: 1, packets: 10 }]);
  assert.deepEqual(nat.take(), [{ type: "grant", nonce: 2 }]);
  nat.report([{ session: "a", generation: 1, packets: 7 }]);
  nat.report([{ session: "a", generation: 1, packets: 10 }]);
  assert.deepEqual(nat.told(), []);
  nat.now += 300;
  nat.report([{ session: "a", generation: 1, packets: 11 }]);
  assert.deepEqual(nat.told(), ["counters a 1"]);
  const { counters } = nat.book.state("a", nat.now)!;
  assert.deepEqual([counters.packets, counters.lastUsedMs], [11, nat.now]);
});

Deno.test("what an agent holds although nobody knows why is stopped", () => {
  const nat = Nat.ready();
  nat.report([{ session: "ghost", generation: 3, packets: 1 }]);
  assert.deepEqual(nat.take(), [{ type: "grant", nonce: 2 }, stopOf(["ghost", 3])]);
  nat.acknowledge("ghost", 3);
  assert.deepEqual(nat.take(), [stopOf(["ghost", 3])]);
});

Deno.test("without answers an instruction ends with its lease and the margin, connected or not", () => {
  for (const connected of [true, false]) {
    const nat = Nat.ready();
    nat.installed("a");
    if (!connected) nat.book.agentLost("s1");
    nat.advance(LEASE_MS + MARGIN_MS - 1);
    assert.deepEqual(nat.told(), []);
    nat.advance(1);
    assert.deepEqual(nat.told(), ["ended a 1 lapsed"]);
  }
});

Deno.test("each grant renews every instruction of the agent", () => {
  const nat = Nat.ready();
  nat.installed("a");
  for (let i = 0; i < 30; i++) {
    nat.report();
    nat.advance(1000);
  }
  assert.deepEqual(nat.told(), []);
  assert.equal(nat.book.state("a", nat.now)!.leaseMs, LEASE_MS - 1000);
});

Deno.test("a new instance of the agent holds nothing of what the old one held", () => {
  const nat = Nat.ready();
  nat.installed("a");
  nat.book.install("s1", entry("b", 1025), 0, nat.now);
  nat.book.agentLost("s1");
  nat.connect([], "i2");
  assert.deepEqual(nat.told(), ["ended a 1 restarted", "ended b 2 restarted"]);
});

Deno.test("what a predecessor may still follow ends with its lease, and not before", () => {
  const nat = Nat.ready();
  const generation = nat.installed("a");
  nat.book.agentLost("s1");
  nat.advance(3_000);
  nat.book.agentConnected("s1", {
    instance: "i2",
    table: [],
    now: nat.now,
    predecessorLives: true,
  });
  nat.report();
  assert.deepEqual(nat.told(), []);
  assert.equal(nat.book.install("s1", entry("a"), 0, nat.now), 0, "one instruction a session");
  // The newcomer has no say in it.
  nat.stopped("a", generation);
  nat.advance(LEASE_MS + MARGIN_MS - 3_001);
  nat.report();
  assert.deepEqual(nat.told(), []);
  nat.advance(1);
  assert.deepEqual(nat.told(), [`ended a ${generation} lapsed`]);
});

Deno.test("after a reconnection the tables are compared and the difference is mended", () => {
  const nat = Nat.ready();
  nat.installed("kept");
  nat.installed("gone");
  nat.installed("stopping");
  nat.book.install("s1", entry("arrived"), 0, nat.now);
  nat.book.install("s1", entry("lost"), 0, nat.now);
  nat.book.agentLost("s1");
  nat.book.stop("stopping", nat.now);
  nat.take();
  nat.connect([
    tableEntry("kept", 1, 5),
    tableEntry("stopping", 3),
    tableEntry("arrived", 4),
    tableEntry("ghost", 99),
  ]);
  assert.deepEqual(nat.told().sort(), [
    "ended gone 2 missing",
    "ended lost 5 missing",
    "installed arrived 4",
  ]);
  assert.deepEqual(nat.take(), [stopOf(["stopping", 3], ["ghost", 99])]);
  assert.equal(nat.book.state("kept", nat.now)!.counters.packets, 5);
});

Deno.test("an instruction that the agent holds with another content is stopped, and not over before", () => {
  const nat = Nat.ready();
  nat.installed("a");
  nat.take();
  const other = tableEntry("a", 1);
  nat.connect([{ ...other, rewrite: { ...other.rewrite, destination: "198.51.100.9:1" } }]);
  assert.deepEqual(nat.take(), [stopOf(["a", 1])]);
  assert.deepEqual(nat.told(), []);
  assert.equal(nat.state("a"), "stopping");
});

Deno.test("what belongs to another epoch is returned for rebuilding, and nothing is sent about it", () => {
  const nat = new Nat();
  const old = { ...tableEntry("a", 7), epoch: "e0" };
  assert.deepEqual(nat.connect([old]), [old]);
  assert.deepEqual(nat.take(), []);
});

Deno.test("an instruction of an earlier process counts as installed until the agent says otherwise", () => {
  const nat = new Nat(5);
  nat.book.restore(entry("a"), { generation: 9, tag: 1, state: "installed", now: nat.now });
  nat.book.restore(entry("b"), { generation: 3, tag: 2, state: "stopping", now: nat.now });
  nat.book.restore(entry("c"), { generation: 4, tag: 3, state: "installed", now: nat.now });
  assert.equal(nat.book.nextGeneration, 10);
  assert.equal(nat.book.state("a", nat.now)!.agent, "");
  nat.connect([tableEntry("a", 9), tableEntry("b", 3)]);
  assert.deepEqual(nat.take(), [stopOf(["b", 3])]);
  assert.equal(nat.book.state("a", nat.now)!.agent, "s1");
  // Another agent may hold it.
  assert.equal(nat.state("c"), "installed");
  nat.report();
  nat.advance(LEASE_MS);
  nat.report();
  nat.advance(MARGIN_MS);
  assert.deepEqual(nat.told(), ["ended c 4 lapsed"]);
  nat.stopped("b", 3);
  assert.deepEqual(nat.told(), ["ended b 3 stopped"]);
});

Deno.test("what an earlier process had sent is reported as installed when an agent holds it, else it lapses", () => {
  const nat = new Nat(5);
  nat.book.restore(entry("a"), { generation: 3, tag: 1, state: "sent", now: nat.now });
  nat.book.restore(entry("b"), { generation: 4, tag: 2, state: "sent", now: nat.now });
  assert.equal(nat.state("a"), "sent");
  nat.connect([tableEntry("a", 3)]);
  assert.deepEqual(nat.told(), ["installed a 3"]);
  assert.equal(nat.state("a"), "installed");
  nat.report();
  nat.advance(LEASE_MS);
  assert.equal(nat.state("b"), "sent", "nothing shows that nobody follows it");
  nat.report();
  nat.advance(MARGIN_MS);
  assert.deepEqual(nat.told(), ["ended b 4 lapsed"]);
  assert.deepEqual(nat.take().filter(({ type }) => type !== "grant"), []);
});

Deno.test("many stops at once go out in few messages when they are repeated", () => {
  const nat = Nat.ready();
  const count = 2 * BATCH_ENTRIES + 1;
  for (let i = 0; i < count; i++) nat.installed(`s${i}`);
  for (let i = 0; i < count; i++) nat.book.stop(`s${i}`, nat.now);
  nat.take();
  nat.advance(50);
  assert.equal(nat.take().length, 3);
});

Deno.test("the book may be called from within its own events", () => {
  const nat = new Nat();
  let again = 0;
  const book = new InstructionBook({
    epoch: "e1",
    leaseMs: LEASE_MS,
    marginMs: MARGIN_MS,
    firstGeneration: 1,
    send: () => {},
    changed: (event) => {
      if (event.kind === "ended") again = book.install("s1", entry(event.session), 0, nat.now);
    },
  });
  book.agentConnected("s1", { instance: "i1", table: [], now: nat.now });
  const report: AgentMessage = { type: "report", nonce: 1, able: true, reason: null, entries: [] };
  book.message("s1", report, nat.now);
  book.install("s1", entry("a"), 0, nat.now);
  book.stop("a", nat.now);
  const key = { session: "a", generation: 1, known: false, reason: null };
  book.message("s1", { type: "stopped", entries: [{ ...key, ...NO_COUNTERS }] }, nat.now);
  assert.equal(again, 2);
  assert.equal(book.size, 1);
});
