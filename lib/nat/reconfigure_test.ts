import assert from "node:assert/strict";
import { ServerBoard } from "../policy/server_board.ts";
import { Bench, config, service } from "./_test_translator.ts";

const SYN = 2, ACK = 16, RST = 4;
const VIP = "203.0.113.10:80";
const SESSIONS = 5000;

function boardOf(): ServerBoard {
  return new ServerBoard([
    { name: "10.0.0.11:8080", weight: 1 },
    { name: "10.0.0.12:8080", weight: 1 },
  ]);
}

/** A machine with many sessions, and another configuration under which its service has no past. */
function manySessions() {
  const web = service({ scheduler: "round-robin", board: boardOf().buffer });
  const before = config({ services: [web], portLast: 60_000 });
  const bench = new Bench({ config: before, capacity: 8192 });
  const client = (n: number) => `198.51.100.2:${10_000 + n}`;
  const send = (n: number, flags: number) =>
    bench.send({ protocol: "tcp", source: client(n), destination: VIP, flags });
  for (let n = 0; n < SESSIONS; n++) {
    const { source, destination } = send(n, SYN);
    bench.send({
      protocol: "tcp",
      source: destination,
      destination: source,
      flags: SYN | ACK,
    });
    send(n, ACK);
  }
  const board = boardOf();
  const fresh = service({ scheduler: "least-sessions", board: board.buffer });
  return { bench, send, board, before, after: { ...before, services: [fresh] } };
}

const sum = (board: ServerBoard) => board.sessions[0]! + board.sessions[1]!;

Deno.test("after another configuration sessions are counted some at a time, and each once", () => {
  const { bench, send, board, after } = manySessions();
  bench.translator.configure(after);
  const steps = [sum(board)];
  while (sum(board) < SESSIONS) {
    bench.translator.expire(bench.nowMs, 1);
    steps.push(sum(board) - steps.reduce((a, b) => a + b));
  }
  assert.ok(steps.length >= 3 && Math.max(...steps) <= 2048, `${steps}`);
  assert.equal(sum(board), SESSIONS);
  send(SESSIONS, SYN);
  assert.equal(sum(board), SESSIONS + 1);
});

Deno.test("sessions that begin and end while others are counted are neither missed nor counted twice", () => {
  const { bench, send, board, after } = manySessions();
  bench.translator.configure(after);
  assert.ok(sum(board) < SESSIONS);
  // Among them some that are counted and some that are not.
  for (let n = 0; n < SESSIONS; n += 50) send(n, RST);
  for (let n = 0; n < 30; n++) send(SESSIONS + n, SYN);
  // Once more, before all were counted.
  bench.translator.configure({ ...after, reject: !after.reject });
  for (let i = 0; i < 20; i++) bench.translator.expire(bench.nowMs, 1);
  assert.equal(sum(board), SESSIONS + 30);
  // Those that were reset are closed, and rest, and go.
  bench.pass(240_250);
  bench.pass(60_250);
  assert.equal(sum(board), SESSIONS - SESSIONS / 50);
});

Deno.test("shorter time-outs end idle sessions that began under longer ones", () => {
  const { bench, before } = manySessions();
  const timeouts = { ...before.timeouts, tcpEstablishedMs: 10_000, quarantineMs: 1_000 };
  bench.translator.configure({ ...before, timeouts });
  for (let i = 0; i < 4; i++) bench.translator.expire(bench.nowMs, 1);
  bench.pass(10_250);
  bench.pass(1_250);
  assert.equal(bench.table.used, 0);
});

Deno.test("a full table at a small capacity refuses, expires and takes sessions again, over and over", () => {
  const bench = new Bench({ config: config({ portLast: 60_000 }), capacity: 2000 });
  for (let round = 0; round < 5; round++) {
    let opened = 0;
    for (let n = 0; n < 2100; n++) {
      const source = `198.51.100.${2 + round}:${10_000 + n}`;
      const syn = bench.send({ protocol: "tcp", source, destination: VIP, flags: SYN });
      if (syn.verdict <= 0) continue;
      opened++;
      bench.send({
        protocol: "tcp",
        source: syn.destination,
        destination: syn.source,
        flags: SYN | ACK,
      });
      bench.send({ protocol: "tcp", source, destination: VIP, flags: ACK });
    }
    assert.equal(opened, 2000);
    assert.ok(bench.table.full);
    for (let n = 0; n < 2100; n += 7) {
      const source = `198.51.100.${2 + round}:${10_000 + n}`;
      const isKnown = n < 2000;
      const { verdict } = bench.send({ protocol: "tcp", source, destination: VIP, flags: ACK });
      assert.equal(verdict > 0, isKnown, source);
    }
    for (let n = 0; n < 2000; n++) {
      const source = `198.51.100.${2 + round}:${10_000 + n}`;
      bench.send({ protocol: "tcp", source, destination: VIP, flags: RST });
    }
    bench.pass(240_250);
    bench.pass(60_250);
    assert.deepEqual([bench.table.used, bench.table.highWater], [0, 2000]);
  }
});
