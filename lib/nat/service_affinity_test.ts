import assert from "node:assert/strict";
import type { SchedulerName } from "../policy/scheduler.ts";
import { ServerBoard } from "../policy/server_board.ts";
import { AffinityTable } from "../session/affinity_table.ts";
import { F64, RECORD_BYTES } from "../session/layout.ts";
import { SessionKeeper } from "./session_keeper.ts";
import { Bench, config, service } from "./_test_translator.ts";

const SYN = 2, ACK = 16, RST = 4;
const VIP = "203.0.113.10:80";
const AFFINITY = { ipv4: 32, ipv6: 128, timeoutMs: 600_000 };
const SCHEDULERS: readonly SchedulerName[] = [
  "maglev",
  "round-robin",
  "least-sessions",
  "source-hash",
];

function benchOf(scheduler: SchedulerName, affinity = true) {
  const board = new ServerBoard([
    { name: "10.0.0.11:8080", weight: 1 },
    { name: "10.0.0.12:8080", weight: 1 },
  ]);
  const web = service({ scheduler, board: board.buffer, ...(affinity && { affinity: AFFINITY }) });
  const both = config({ services: [web], portLast: 60_000 });
  return { bench: new Bench({ config: both, capacity: 1024 }), board, both };
}

/** Opens a session and completes its handshake; the place of its server. */
function connect(bench: Bench, source: string): number {
  const syn = bench.send({ protocol: "tcp", source, destination: VIP, flags: SYN });
  const { source: nat, destination: server } = syn;
  bench.send({ protocol: "tcp", source: server, destination: nat, flags: SYN | ACK });
  bench.send({ protocol: "tcp", source, destination: VIP, flags: ACK });
  return server === "10.0.0.11:8080" ? 0 : 1;
}

for (const scheduler of SCHEDULERS) {
  Deno.test(`${scheduler}: with affinity all sessions of a client are with one server, its clients with all`, () => {
    const { bench } = benchOf(scheduler);
    const servers = new Set<number>();
    for (let client = 2; client < 22; client++) {
      const first = connect(bench, `198.51.100.${client}:40000`);
      for (let port = 40001; port < 40010; port++) {
        assert.equal(connect(bench, `198.51.100.${client}:${port}`), first);
      }
      servers.add(first);
    }
    assert.equal(servers.size, 2);
  });

  Deno.test(`${scheduler}: draining beats affinity, and the client stays where it went`, () => {
    const { bench, board } = benchOf(scheduler);
    const first = connect(bench, "198.51.100.2:40000");
    board.shares[first] = 0;
    assert.equal(connect(bench, "198.51.100.2:40001"), 1 - first);
    board.shares[first] = 1;
    assert.equal(connect(bench, "198.51.100.2:40002"), 1 - first);
  });

  Deno.test(`${scheduler}: with every server draining nobody gets a new session, and with undrain all do`, () => {
    const { bench, board } = benchOf(scheduler);
    connect(bench, "198.51.100.2:40000");
    board.shares.fill(0);
    const syn = {
      protocol: "tcp",
      source: "198.51.100.2:40001",
      destination: VIP,
      flags: SYN,
    } as const;
    assert.ok(bench.send(syn).verdict <= 0);
    board.shares.fill(1);
    assert.equal(bench.send(syn).verdict, 1);
  });
}

Deno.test("a client is remembered for the time-out after its last session, and no longer", () => {
  const { bench } = benchOf("round-robin");
  const first = connect(bench, "198.51.100.2:40000");
  bench.send({ protocol: "tcp", source: "198.51.100.2:40000", destination: VIP, flags: RST });
  // Closing and quarantine, and most of the time-out.
  bench.pass(240_001);
  bench.pass(60_001);
  bench.pass(500_000);
  connect(bench, "198.51.100.3:40000");
  connect(bench, "198.51.100.4:40000");
  connect(bench, "198.51.100.5:40000");
  assert.equal(connect(bench, "198.51.100.2:40001"), first);
});

Deno.test("a NAT machine that takes over the table knows whose sessions are where", () => {
  const { bench, both } = benchOf("round-robin");
  const places = [2, 3, 4, 5].map((client) => connect(bench, `198.51.100.${client}:40000`));
  const next = new AffinityTable(new ArrayBuffer(AffinityTable.bytes(64)), [7, 9]);
  new SessionKeeper({
    table: bench.table,
    events: {
      crossed: () => true,
      ended: () => true,
      opened: () => {},
      closed: () => {},
    },
    config: both,
    affinity: next,
    random: () => 0,
    nowMs: bench.nowMs,
  });
  const key = 6 << 16 | bench.table.getU16(1, 10);
  const found = [1, 2, 3, 4].map((slot) =>
    next.find(
      key,
      bench.table.i32,
      slot * (RECORD_BYTES / 4),
      AFFINITY,
      bench.nowMs,
      AFFINITY.timeoutMs,
    )
  );
  assert.deepEqual(found, [1, 2, 3, 4].map((slot) => bench.table.getU16(slot, 11)));
  assert.equal(new Set(places).size, 2);
  assert.ok(bench.table.getF64(1, F64.id) > 0);
});

Deno.test("affinity that a reload turns on holds for sessions that live, and counts them once", () => {
  const { bench, both } = benchOf("round-robin", false);
  const first = connect(bench, "198.51.100.2:40000");
  const board = new ServerBoard([{ name: "a", weight: 1 }, { name: "b", weight: 1 }]);
  const on = { ...both.services[0]!, affinity: AFFINITY, board: board.buffer };
  for (let n = 0; n < 3; n++) bench.translator.configure({ ...both, services: [on] });
  assert.equal(connect(bench, "198.51.100.2:40001"), first);
  assert.equal(connect(bench, "198.51.100.2:40002"), first);
  assert.deepEqual(board.sessions[first], 3);
});
