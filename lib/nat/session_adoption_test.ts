import assert from "node:assert/strict";
import { ServerBoard } from "../policy/server_board.ts";
import { DROP } from "../session/drop_reason.ts";
import { U8 } from "../session/layout.ts";
import { STATE } from "../session/tcp_state.ts";
import type { DatapathService } from "./datapath_config.ts";
import { Bench, config, type Outcome, service } from "./_test_translator.ts";

const SYN = 2, RST = 4, ACK = 16;
const VIP = "203.0.113.10:80";
const SESSIONS = 5000;
/** Where the only SNAT address gives out ports; there are not many more than sessions. */
const PORTS = { portFirst: 20_000, portLast: 20_000 + SESSIONS + 499 };

function boardOf(): ServerBoard {
  return new ServerBoard([{ name: "10.0.0.11:8080", weight: 1 }]);
}

const client = (n: number) => `198.51.100.2:${10_000 + n}`;

function send(bench: Bench, n: number, flags: number): Outcome {
  return bench.send({ protocol: "tcp", source: client(n), destination: VIP, flags });
}

/** One server, and one SNAT address: the first or the second. */
function settings(snat: number, board = boardOf(), changes: Partial<DatapathService> = {}) {
  const servers = service().servers.slice(0, 1);
  return config({
    snat: [config().snat[snat]!],
    ...PORTS,
    services: [service({ servers, board: board.buffer, ...changes })],
  });
}

/** Opens sessions from one number on; returns what the server got of each. */
function open(bench: Bench, from: number, to: number): Outcome[] {
  const outcomes = [];
  for (let n = from; n < to; n++) {
    const { source, destination } = send(bench, n, SYN);
    bench.send({ protocol: "tcp", source: destination, destination: source, flags: SYN | ACK });
    outcomes.push(send(bench, n, ACK));
  }
  return outcomes;
}

/** A machine with many established sessions, and one that goes on with its table. */
function takenOver(changes: Partial<DatapathService> = {}) {
  const before = new Bench({ config: settings(0, boardOf(), changes), capacity: 8192 });
  const outcomes = open(before, 0, SESSIONS);
  const board = boardOf();
  const after = new Bench({ config: settings(0, board, changes), after: before });
  const adopted = () => after.told.filter((it) => it.startsWith("adopted ")).length;
  const isWaited = () => after.translator.busy;
  const finish = () => {
    while (isWaited()) after.translator.expire(after.nowMs, 1);
  };
  return { after, outcomes, board, adopted, isWaited, finish };
}

Deno.test("packets of all sessions are translated before all are taken in, some at a time", () => {
  const { after, outcomes, adopted, isWaited } = takenOver();
  assert.ok(adopted() < SESSIONS);
  for (const [n, { source, destination }] of outcomes.entries()) {
    const again = send(after, n, ACK);
    assert.deepEqual([again.source, again.destination], [source, destination]);
    const back = after.send({
      protocol: "tcp",
      source: destination,
      destination: source,
      flags: ACK,
    });
    assert.deepEqual([back.source, back.destination], [VIP, client(n)]);
  }
  const steps = [adopted()];
  while (isWaited()) {
    after.translator.expire(after.nowMs, 1);
    steps.push(adopted());
  }
  assert.equal(adopted(), SESSIONS);
  assert.equal(new Set(after.told).size, SESSIONS);
  assert.ok(steps.every((it, i) => it - (steps[i - 1] ?? 0) <= 2048), `${steps}`);
});

Deno.test("a session that begins while others are still to be taken in gets a NAT endpoint of its own", () => {
  const { after, outcomes } = takenOver();
  const taken = new Set(outcomes.map(({ source }) => source));
  for (let n = SESSIONS; n < SESSIONS + 500; n++) {
    const { verdict, source } = send(after, n, SYN);
    assert.ok(verdict > 0 && !taken.has(source), `${verdict} ${source}`);
    taken.add(source);
  }
});

Deno.test("a service with affinity waits for what its clients had, and nothing is gone through at once", () => {
  const affinity = { ipv4: 32, ipv6: 128, timeoutMs: 600_000 };
  const { after, adopted, finish } = takenOver({ affinity });
  const begun = adopted();
  assert.equal(send(after, SESSIONS, SYN).verdict, -DROP.overload);
  assert.equal(adopted(), begun);
  finish();
  assert.equal(send(after, SESSIONS, SYN).verdict, 1);
});

Deno.test("sessions that end before their turn are counted like others", () => {
  const { after, board, finish } = takenOver();
  for (let n = 0; n < SESSIONS; n += 10) send(after, n, RST);
  for (let n = SESSIONS; n < SESSIONS + 100; n++) send(after, n, SYN);
  finish();
  assert.equal(board.sessions[0], SESSIONS + 100);
  const states = new Map<number, number>();
  const { table } = after;
  for (let slot = 1; slot <= table.highWater; slot++) {
    const state = table.getU8(slot, U8.state);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  assert.equal(states.get(STATE.reset), SESSIONS / 10);
  // Their timers run: the reset ones rest first, and then are gone, their endpoints free.
  after.pass(3_600_000);
  after.pass(3_600_000);
  after.pass(3_600_000);
  assert.equal(board.sessions[0], after.table.used);
});

Deno.test("a session of an address that is no longer configured goes on before its turn", () => {
  const before = new Bench({ config: settings(0), capacity: 8192 });
  const [first] = open(before, 0, 10);
  before.translator.configure(settings(1));
  open(before, 10, SESSIONS);
  const after = new Bench({ config: settings(1), after: before });
  assert.ok(after.translator.busy);
  const { source, destination } = first!;
  const back = after.send({
    protocol: "tcp",
    source: destination,
    destination: source,
    flags: ACK,
  });
  assert.deepEqual([back.source, back.destination], [VIP, client(0)]);
});
