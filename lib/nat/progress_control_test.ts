import assert from "node:assert/strict";
import { F64, I32, INSTRUCTION, regionBytes, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { formatTable } from "../session/session_records.ts";
import { SessionTable } from "../session/session_table.ts";
import { STATE } from "../session/tcp_state.ts";
import { parseEndpoint } from "../wire/address.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocol.ts";
import { type BookCounters, UNUSED } from "./instruction_record.ts";
import { ProgressControl } from "./progress_control.ts";

const SERVER = "10.0.0.11";

Deno.test("a session whose data is not acknowledged is stopped with the reason, and tried again after growing pauses", () => {
  const world = new World();
  const slot = world.session();
  const pauses: number[] = [];
  for (let i = 0; i < 3; i++) {
    world.install(slot);
    world.report(slot, { packets: 3, sequence: 3000 });
    world.report(slot, { packets: 5, sequence: 3000, resent: 2, resentAgain: 1 });
    world.run(600);
    assert.equal(world.stops.length, 0, "too early");
    world.run(100);
    const [stop] = world.stops.splice(0);
    assert.deepEqual([stop!.slot, stop!.reason, stop!.value], [slot, REASON.noProgress, 700]);
    pauses.push(stop!.notBeforeMs! - world.now);
    world.end(slot);
    world.run(11_000);
  }
  assert.deepEqual(pauses, [5_000, 10_000, 20_000]);
  assert.equal(world.control.obstacle(slot), null, "its client answers nothing via NAT either");
});

Deno.test("several sessions that go on via NAT make their server unable, and its other instructions end", () => {
  const world = new World();
  const other = world.session();
  world.install(other);
  for (let i = 0; i < 2; i++) {
    const slot = world.session();
    world.stall(slot);
    world.goOnViaNat(slot);
    world.run(200);
  }
  assert.deepEqual(world.events.map(({ type, clients }) => [type, clients]), [
    ["path-unable", undefined],
    ["path-unable", "198.51.100.0/24"],
  ]);
  const last = world.stops.at(-1)!;
  assert.deepEqual([last.slot, last.reason, last.value], [other, REASON.pathUnable, 2]);
  const fresh = world.session();
  const objection = world.control.obstacle(fresh)!;
  assert.deepEqual([objection.reason, objection.value], [REASON.pathUnable, 2]);
  assert.equal(world.control.paths.view(SERVER, world.now).bypass, "unable");

  // One session first, then all.
  world.run(objection.retryMs!);
  assert.equal(world.control.obstacle(fresh), null);
  assert.notEqual(world.control.obstacle(world.session()), null);
  world.install(fresh);
  world.report(fresh, { packets: 2, sequence: 3000 });
  world.table.setI32(fresh, I32.clientAcknowledgement, 3000);
  world.run(1_000);
  assert.deepEqual(world.events.slice(-2).map(({ type }) => type), ["path-able", "path-able"]);
  assert.deepEqual(world.reconsidered, [SERVER, SERVER]);
  assert.equal(world.control.obstacle(world.session()), null);
});

Deno.test("a trial that ends without having shown anything makes room for another", () => {
  const world = new World();
  for (let i = 0; i < 2; i++) {
    const slot = world.session();
    world.stall(slot);
    world.goOnViaNat(slot);
    world.run(200);
  }
  world.run(15_000);
  const [first, second] = [world.session(), world.session()];
  assert.equal(world.control.obstacle(first), null);
  assert.notEqual(world.control.obstacle(second), null);
  // Refused by the agent, for example.
  world.end(first);
  assert.equal(world.control.obstacle(second), null);
});

Deno.test("sessions of a client that is gone make a path unable only until that is clear", () => {
  const world = new World();
  const slots = [world.session(), world.session()];
  for (const slot of slots) world.stall(slot);
  assert.notEqual(world.control.obstacle(world.session()), null);
  world.run(11_000);
  assert.equal(world.control.obstacle(world.session()), null);
  assert.deepEqual(world.events.map(({ type }) => type), [
    "path-unable",
    "path-unable",
    "path-able",
    "path-able",
  ]);
});

Deno.test("an ICMP error stops a UDP session at once, and a TCP session when nothing arrives", () => {
  const world = new World();
  const udp = world.session(PROTOCOL_UDP);
  const tcp = world.session();
  for (const slot of [udp, tcp]) world.install(slot);
  world.report(tcp, { packets: 2, sequence: 3000 });
  for (const slot of [udp, tcp]) world.control.undelivered(slot, world.id(slot), 0x030d);
  assert.deepEqual(world.stops.splice(0).map(({ slot, reason, value }) => [slot, reason, value]), [
    [udp, REASON.undelivered, 0x030d],
  ]);
  world.run(500);
  assert.deepEqual(world.stops.map(({ slot, reason }) => [slot, reason]), [
    [tcp, REASON.noProgress],
  ]);
});

Deno.test("a NAT machine that stood still takes nothing that happened meanwhile for a failure", () => {
  const world = new World();
  const slot = world.session();
  world.install(slot);
  world.run(1_000);
  world.report(slot, { packets: 3, sequence: 3000 });
  world.now += 5_000;
  // What waited for it comes in, in whatever order.
  world.report(slot, { packets: 9, sequence: 3000, resent: 6, resentAgain: 5 });
  world.run(1_900);
  assert.deepEqual(world.stops, []);
  world.report(slot, { packets: 12, sequence: 3000, resent: 7, resentAgain: 6 });
  world.run(2_000);
  world.report(slot, { packets: 13, sequence: 3000, resent: 8, resentAgain: 7 });
  world.run(800);
  assert.equal(world.stops.length, 1, "but what goes on does count");
});

Deno.test("what is said of a session that is over concerns nobody", () => {
  const world = new World();
  const slot = world.session(PROTOCOL_UDP);
  world.install(slot);
  world.control.undelivered(slot, world.id(slot) + 1, 0x0301);
  world.run(5_000);
  assert.deepEqual(world.stops, []);
});

Deno.test("an instruction of an earlier process is watched too, once what was acknowledged while there was none has come", () => {
  const world = new World({ fresh: true });
  const slot = world.session();
  world.table.setU8(slot, U8.instruction, INSTRUCTION.installed);
  world.installed.set(slot, { ...UNUSED, packets: 3, sequence: 3000 });
  world.run(200);
  world.report(slot, { packets: 5, sequence: 3000, resent: 2, resentAgain: 1 });
  world.run(1_800);
  assert.equal(world.stops.length, 0);
  world.run(1_000);
  world.report(slot, { packets: 6, sequence: 3000, resent: 3, resentAgain: 2 });
  world.run(1_000);
  assert.equal(world.stops[0]?.reason, REASON.noProgress);
});

interface Stop {
  readonly slot: number;
  readonly reason: number;
  readonly value: number;
  readonly notBeforeMs?: number;
}

/** A control over a table of its own, with a clock that stands still until it is moved. */
class World {
  readonly table: SessionTable;
  readonly control: ProgressControl;
  readonly stops: Stop[] = [];
  readonly reconsidered: string[] = [];
  readonly events: Record<string, unknown>[] = [];
  readonly installed = new Map<number, BookCounters>();
  now = 0;

  /** @param fresh the process has just started; otherwise it has run for a while */
  constructor({ fresh = false } = {}) {
    const region = new ArrayBuffer(regionBytes(32));
    formatTable(region, 32, { epoch: 42, bootId: [] });
    this.table = new SessionTable(region, [7, 9]);
    this.control = new ProgressControl({
      records: this.table,
      stopSession: (slot, reason, value, { notBeforeMs }) => {
        if (this.table.getU8(slot, U8.instruction) !== INSTRUCTION.installed) return;
        this.table.setU8(slot, U8.instruction, INSTRUCTION.stopping);
        this.stops.push({ slot, reason, value, ...(notBeforeMs !== undefined && { notBeforeMs }) });
      },
      able: (server) => this.reconsidered.push(server),
      instructions: () =>
        [...this.installed].map(([tag, counters]) => ({ ...entry(tag), counters })),
      event: (type, details) => this.events.push({ type, ...details }),
      now: () => this.now,
    });
    if (!fresh) this.run(3_000);
  }

  session(protocol = PROTOCOL_TCP): number {
    const { table } = this;
    const words = (text: string) => Int32Array.from(parseEndpoint(text).address.words);
    const port = 40000 + table.used;
    const slot = table.insert({
      addresses: Int32Array.from([...words("198.51.100.2:1"), ...words("203.0.113.10:80")]),
      clientOffset: 0,
      clientPort: port,
      vip: table.internEndpoint(words("203.0.113.10:80"), 0, 80),
      server: table.internEndpoint(words(`${SERVER}:8080`), 0, 8080),
      natAddress: table.internEndpoint(words("10.0.1.1:1"), 0, 0),
      natPort: port,
      protocol,
      state: STATE.established,
    }, 0);
    table.setI32(slot, I32.clientAcknowledgement, 1000);
    table.setI32(slot, I32.natSequence, 1000);
    return slot;
  }

  id(slot: number): number {
    return this.table.getF64(slot, F64.id);
  }

  install(slot: number): void {
    this.table.setU8(slot, U8.instruction, INSTRUCTION.installed);
    this.installed.set(slot, UNUSED);
    this.control.changed({ ...event(slot), kind: "installed", counters: UNUSED });
  }

  report(slot: number, news: Partial<BookCounters>): void {
    const counters = { ...UNUSED, ...news };
    this.installed.set(slot, counters);
    this.control.changed({ ...event(slot), kind: "counters", counters });
  }

  end(slot: number): void {
    this.installed.delete(slot);
    this.table.setU8(slot, U8.instruction, INSTRUCTION.none);
    const counters = UNUSED;
    this.control.changed({ ...event(slot), kind: "ended", cause: "stopped", reason: "", counters });
  }

  /** A session bypasses, nothing of it arrives, and it is stopped. */
  stall(slot: number): void {
    this.install(slot);
    this.report(slot, { packets: 3, sequence: 3000 });
    this.report(slot, { packets: 5, sequence: 3000, resent: 2, resentAgain: 1 });
    this.run(1_000);
    this.end(slot);
  }

  /** What was lost comes via NAT, and is acknowledged. */
  goOnViaNat(slot: number): void {
    this.table.addF64(slot, F64.packetsViaNat, 1);
    this.table.setI32(slot, I32.natSequence, 2448);
    this.table.setI32(slot, I32.clientAcknowledgement, 2448);
  }

  run(ms: number): void {
    for (const until = this.now + ms; this.now < until;) {
      this.now += 100;
      this.control.tick();
      if (this.now % 1_000 === 0) this.control.lookAtAll();
    }
  }
}

function event(tag: number) {
  return { agent: "s1", session: `s${tag}`, generation: 1, tag };
}

function entry(tag: number) {
  return {
    ...event(tag),
    protocol: "tcp" as const,
    match: { source: "", destination: "" },
    rewrite: { source: "", destination: "" },
    state: "installed" as const,
    leaseMs: 1,
  };
}
