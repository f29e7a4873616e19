import assert from "node:assert/strict";
import fc from "fast-check";
import { F64, HOLD_INSTRUCTION, HOLD_NONE, U8 } from "../session/layout.ts";
import { DROP } from "../session/drop_reason.ts";
import { REASON } from "../session/path_reason.ts";
import { STATE } from "../session/tcp_state.ts";
import { verifyL4 } from "../wire/l4_checksum.ts";
import { Bench, config, noShares, service, words } from "./_test_translator.ts";

const SYN = 2, ACK = 16, FIN = 1, RST = 4;
const CLIENT = "198.51.100.2:40000";
const VIP = "203.0.113.10:80";

/** Opens a session and completes its handshake; returns its NAT endpoint and its server. */
function connect(bench: Bench, client = CLIENT): { nat: string; server: string } {
  const syn = bench.send({ protocol: "tcp", source: client, destination: VIP, flags: SYN });
  const { source: nat, destination: server } = syn;
  bench.send({ protocol: "tcp", source: server, destination: nat, flags: SYN | ACK });
  bench.send({ protocol: "tcp", source: client, destination: VIP, flags: ACK });
  return { nat, server };
}

Deno.test("a client packet leaves from a NAT endpoint to a server, its response comes from the VIP", () => {
  const bench = new Bench();
  const inbound = bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: SYN });
  assert.equal(inbound.verdict, 1);
  assert.match(inbound.source, /^10\.0\.1\.[12]:2000\d$/);
  assert.match(inbound.destination, /^10\.0\.0\.1[12]:8080$/);
  assert.equal(inbound.packet.hopLimit, 63);
  assert.ok(verifyL4(inbound.packet, false));
  const outbound = bench.send({
    protocol: "tcp",
    source: inbound.destination,
    destination: inbound.source,
    flags: SYN | ACK,
  });
  assert.equal(outbound.source, VIP);
  assert.equal(outbound.destination, CLIENT);
  assert.ok(verifyL4(outbound.packet, false));
});

Deno.test("a client keeps its session, another client gets another NAT endpoint", () => {
  const bench = new Bench();
  const first = connect(bench);
  const again = bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: ACK });
  assert.deepEqual([again.source, again.destination], [first.nat, first.server]);
  const second = connect(bench, "198.51.100.3:40000");
  assert.notEqual(`${second.nat} ${second.server}`, `${first.nat} ${first.server}`);
});

Deno.test("what may not start a session is dropped with its reason", () => {
  const bench = new Bench();
  const drop = (options: Parameters<Bench["send"]>[0]) => -bench.send(options).verdict;
  const tcp = { protocol: "tcp", source: CLIENT, destination: VIP } as const;
  assert.equal(drop({ ...tcp, flags: ACK }), DROP.noSession);
  assert.equal(drop({ ...tcp, flags: SYN | ACK }), DROP.noSession);
  assert.equal(drop({ ...tcp, flags: RST }), DROP.noSession);
  assert.equal(drop({ ...tcp, destination: "203.0.113.10:81", flags: SYN }), DROP.noService);
  assert.equal(drop({ ...tcp, protocol: "udp" }), DROP.noService);
  assert.equal(drop({ ...tcp, flags: SYN, checksum: 0x1234 }), DROP.badChecksum);
  assert.equal(drop({ ...tcp, flags: SYN, hopLimit: 1 }), DROP.hopLimit);
  assert.equal(
    drop({ protocol: "tcp", source: "10.0.0.11:8080", destination: "10.0.1.1:20000", flags: ACK }),
    DROP.noSession,
  );
  assert.equal(bench.table.used, 0);
});

Deno.test("only the session's own server reaches the client (RFC 4787, REQ-8)", () => {
  const bench = new Bench();
  const { nat, server } = connect(bench);
  const other = server === "10.0.0.11:8080" ? "10.0.0.12:8080" : "10.0.0.11:8080";
  for (const source of [other, server.replace("8080", "9999")]) {
    const stray = bench.send({ protocol: "tcp", source, destination: nat, flags: ACK });
    assert.equal(-stray.verdict, DROP.noSession);
  }
});

/** A SYN of another client: 1, or the reason it was refused for. */
function open(bench: Bench, n: number): number {
  const source = `198.51.100.2:${40000 + n}`;
  return -bench.send({ protocol: "tcp", source, destination: VIP, flags: SYN }).verdict;
}

Deno.test("no server, no NAT endpoint and a full table refuse new sessions, and keep the old", () => {
  const none = new Bench({ config: config({ services: [service({ board: noShares() })] }) });
  assert.equal(open(none, 0), DROP.noServer);

  const ports = new Bench({ config: config({ portLast: 20000, snat: [words("10.0.1.1")] }) });
  // One address, one port, two servers: two sessions.
  for (const n of [0, 1]) connect(ports, `198.51.100.2:${40000 + n}`);
  assert.equal(open(ports, 2), DROP.noPort);

  const full = new Bench({ capacity: 3 });
  const [kept] = [0, 1, 2].map((n) => connect(full, `198.51.100.2:${40000 + n}`));
  assert.equal(open(full, 3), DROP.tableFull);
  const still = full.send({
    protocol: "tcp",
    source: kept!.server,
    destination: kept!.nat,
    flags: ACK,
  });
  assert.equal(still.destination, CLIENT);
});

Deno.test("a flood of half-open sessions displaces its own oldest, never an established one", () => {
  const full = new Bench({ capacity: 3 });
  const kept = connect(full);
  for (let n = 1; n <= 50; n++) assert.equal(open(full, n), -1);
  assert.equal(full.table.used, 3);
  assert.equal(full.told.filter((it) => it.endsWith(" 4")).length, 48);

  const ports = new Bench({ config: config({ portLast: 20001, snat: [words("10.0.1.1")] }) });
  const other = connect(ports);
  for (let n = 1; n <= 50; n++) assert.equal(open(ports, n), -1);

  for (const [bench, { server, nat }] of [[full, kept], [ports, other]] as const) {
    const still = bench.send({ protocol: "tcp", source: server, destination: nat, flags: ACK });
    assert.equal(still.destination, CLIENT);
  }
});

Deno.test("a flood of unanswered datagrams has its share of the table and never another's NAT endpoint before it rested", () => {
  const services = [service(), service({ protocol: 17 })];
  const udp = { protocol: "udp", destination: VIP } as const;
  const bench = new Bench({
    config: config({ services, portLast: 22_000 }),
    capacity: 1_100,
  });
  const kept = connect(bench);
  // The server's late answer to a datagram must not reach anybody but who sent it.
  const owners = new Map<string, string>();
  const flood = (first: number) => {
    const refused = { tableFull: 0 };
    for (let n = 0; n < 1_200; n++) {
      const source = `198.51.100.3:${first + n}`;
      const sent = bench.send({ ...udp, source });
      if (sent.verdict < 0) {
        assert.equal(-sent.verdict, DROP.tableFull);
        refused.tableFull++;
        continue;
      }
      const endpoint = `${sent.source} ${sent.destination}`;
      assert.equal(owners.get(endpoint), undefined, "an endpoint that has not rested");
      owners.set(endpoint, source);
    }
    return refused.tableFull;
  };
  assert.equal(flood(10_000), 1_200 - 1_024);
  bench.pass(31_000);
  assert.equal(flood(20_000), 1_200, "the first ones rest, which counts");
  assert.equal(open(bench, 1), -1, "TCP has a share of its own");
  for (let n = 2; n <= 200; n++) assert.equal(open(bench, n), -1, "and displaces its own");
  const still = bench.send({
    protocol: "tcp",
    source: kept.server,
    destination: kept.nat,
    flags: ACK,
  });
  assert.equal(still.destination, CLIENT);
  bench.pass(62_000);
  assert.equal(bench.send({ ...udp, source: "198.51.100.4:1" }).verdict, 1);
});

Deno.test("datagrams that were answered do not count towards the share of those that were not", () => {
  const services = [service({ protocol: 17 })];
  const bench = new Bench({ config: config({ services, portLast: 22_000 }), capacity: 1_100 });
  const open = (n: number) =>
    bench.send({ protocol: "udp", source: `198.51.100.3:${10_000 + n}`, destination: VIP });
  for (let n = 0; n < 1_024; n++) open(n);
  assert.equal(-open(2_000).verdict, DROP.tableFull);
  const answered = open(0);
  const { source, destination } = answered;
  bench.send({ protocol: "udp", source: destination, destination: source });
  assert.equal(open(2_000).verdict, 1);
  assert.equal(-open(2_001).verdict, DROP.tableFull);
});

Deno.test("bytes cross once, only when established, and the slot is held", () => {
  const bench = new Bench({ config: config({ services: [service({ start: { bytes: 2000 } })] }) });
  const { nat, server } = connect(bench);
  const respond = (length: number) =>
    bench.send({
      protocol: "tcp",
      source: server,
      destination: nat,
      flags: ACK,
      payload: new Uint8Array(length),
    });
  respond(1000);
  assert.deepEqual(bench.told, ["opened 1"]);
  respond(1000);
  respond(1000);
  assert.deepEqual(bench.told, ["opened 1", `crossed 1 1 ${REASON.bytes} 2000`]);
  assert.notEqual(bench.table.getU8(1, U8.hold), HOLD_NONE);
});

Deno.test("immediately crosses as the handshake completes, with UDP at the first datagram", () => {
  const tcp = new Bench({
    config: config({ services: [service({ start: { immediately: true } })] }),
  });
  const syn = tcp.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: SYN });
  tcp.send({
    protocol: "tcp",
    source: syn.destination,
    destination: syn.source,
    flags: SYN | ACK,
  });
  assert.deepEqual(tcp.told, ["opened 1"]);
  tcp.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: ACK });
  assert.equal(tcp.told[1], `crossed 1 1 ${REASON.immediately} 0`);

  const udp = new Bench({
    config: config({ services: [service({ protocol: 17, start: { immediately: true } })] }),
  });
  udp.send({ protocol: "udp", source: CLIENT, destination: VIP });
  assert.ok(udp.told.includes(`crossed 1 1 ${REASON.immediately} 0`));
});

Deno.test("a finished session rests in quarantine, and a held one longer", () => {
  const bench = new Bench({ config: config({ services: [service({ start: { packets: 1 } })] }) });
  const { nat, server } = connect(bench);
  bench.send({ protocol: "tcp", source: server, destination: nat, flags: ACK });
  bench.send({ protocol: "tcp", source: server, destination: nat, flags: FIN | ACK });
  bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: FIN | ACK });
  bench.send({ protocol: "tcp", source: server, destination: nat, flags: ACK });
  assert.equal(bench.table.getU8(1, U8.state), STATE.closed);
  assert.equal(bench.told.at(-1), "ended 1 1");
  bench.pass(61_000);
  assert.equal(bench.table.used, 1, "an instruction may still be in force");
  bench.table.setU8(1, U8.hold, HOLD_NONE);
  bench.pass(2_000);
  assert.equal(bench.table.used, 0);
});

Deno.test("a client that uses its port again gets a new session and another NAT endpoint", () => {
  const bench = new Bench({
    config: config({ services: [service({ scheduler: "source-hash" })] }),
  });
  const first = connect(bench);
  bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: FIN | ACK });
  bench.send({ protocol: "tcp", source: first.server, destination: first.nat, flags: FIN | ACK });
  bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: ACK });
  const second = connect(bench);
  assert.notEqual(second.nat, first.nat);
  const late = bench.send({
    protocol: "tcp",
    source: first.server,
    destination: first.nat,
    flags: ACK,
  });
  assert.equal(-late.verdict, DROP.noSession);
});

Deno.test("idle sessions end by their state's time, and activity postpones it", () => {
  const udp = config({ services: [service({ protocol: 17 })] });
  const bench = new Bench({ config: udp });
  const first = bench.send({ protocol: "udp", source: CLIENT, destination: VIP });
  bench.pass(29_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.opening);
  bench.send({ protocol: "udp", source: first.destination, destination: first.source });
  bench.pass(299_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.established);
  // The agent's report counts as activity too.
  bench.table.setF64(1, F64.agentSeenMs, bench.nowMs);
  bench.pass(299_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.established);
  bench.pass(2_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.quarantine);
  bench.pass(61_000);
  assert.equal(bench.table.used, 0);
});

Deno.test("a datagram session is answered as soon as its agent says so", () => {
  const udp = service({ protocol: 17, start: { immediately: true } });
  const bench = new Bench({ config: config({ services: [udp] }) });
  bench.send({ protocol: "udp", source: CLIENT, destination: VIP });
  bench.translator.agentSaw(1, 99, 0, bench.nowMs);
  assert.equal(bench.table.getU8(1, U8.state), STATE.opening, "another session's answer");
  bench.translator.agentSaw(1, 1, 0, bench.nowMs);
  assert.equal(bench.table.getU8(1, U8.state), STATE.established);
});

Deno.test("a session that bypasses is idle only when its agent has had time to say otherwise", () => {
  const udp = service({ protocol: 17, start: { immediately: true } });
  const bench = new Bench({ config: config({ services: [udp], reportsLateMs: 1_500 }) });
  const first = bench.send({ protocol: "udp", source: CLIENT, destination: VIP });
  bench.send({ protocol: "udp", source: first.destination, destination: first.source });
  bench.table.setU8(1, U8.hold, HOLD_INSTRUCTION);
  const lastMs = bench.nowMs;
  bench.pass(301_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.established);
  // The report of a packet that came just before.
  bench.table.setF64(1, F64.agentSeenMs, lastMs + 299_900);
  bench.pass(250_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.established);
  bench.pass(60_000);
  assert.equal(bench.table.getU8(1, U8.state), STATE.quarantine);
});

Deno.test("an agent's report of the server's FIN closes what the client has closed", () => {
  const bench = new Bench({ config: config({ services: [service({ start: { packets: 1 } })] }) });
  connect(bench);
  bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: FIN | ACK });
  bench.translator.agentSaw(1, 99, FIN, bench.nowMs);
  assert.equal(bench.table.getU8(1, U8.state), STATE.closing, "another session's report");
  bench.translator.agentSaw(1, 1, FIN, bench.nowMs);
  assert.equal(bench.table.getU8(1, U8.state), STATE.closed);
});

Deno.test("a session that an agent's late report closes rests from the report on", () => {
  const { timeouts } = config();
  const bench = new Bench({
    config: config({
      services: [service({ start: { packets: 1 } })],
      timeouts: { ...timeouts, tcpClosingMs: 60_000, quarantineMs: 120_000 },
    }),
  });
  connect(bench);
  bench.send({ protocol: "tcp", source: CLIENT, destination: VIP, flags: FIN | ACK });
  bench.pass(50_000);
  bench.translator.agentSaw(1, 1, FIN, bench.nowMs);
  bench.table.setU8(1, U8.hold, HOLD_NONE);
  bench.pass(100_000);
  assert.equal(bench.table.used, 1, "its NAT endpoint rests");
  bench.pass(30_000);
  assert.equal(bench.table.used, 0);
});

Deno.test("random traffic keeps every checksum right and every session its own", () => {
  const client = fc.integer({ min: 1, max: 5 }).map((n) => `198.51.100.${n}:4000${n}`);
  const step = fc.record({
    client,
    kind: fc.constantFrom("syn", "data", "response", "fin", "rst", "wait"),
    partial: fc.boolean(),
    payload: fc.uint8Array({ maxLength: 64 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const bench = new Bench({ capacity: 8 });
    /** Client by `server nat`, as the packets themselves told. */
    const owner = new Map<string, string>();
    for (const { client, kind, partial, payload } of steps) {
      const checksum = partial ? "partial" : "full";
      if (kind === "wait") {
        bench.pass(30_000);
        continue;
      }
      if (kind === "response") {
        for (const [key, expected] of owner) {
          const [source, destination] = key.split(" ");
          const out = bench.send({
            protocol: "tcp",
            source: source!,
            destination: destination!,
            flags: ACK,
            payload,
            checksum,
          });
          if (out.verdict < 0) continue;
          assert.equal(out.destination, expected);
          assert.equal(out.source, VIP);
          assert.ok(verifyL4(out.packet, partial));
        }
        continue;
      }
      const flags = { syn: SYN, data: ACK, fin: FIN | ACK, rst: RST }[kind];
      const out = bench.send({
        protocol: "tcp",
        source: client,
        destination: VIP,
        flags,
        payload: kind === "data" ? payload : new Uint8Array(),
        checksum,
      });
      if (out.verdict < 0) continue;
      assert.ok(verifyL4(out.packet, partial));
      assert.ok(out.source.startsWith("10.0.1."), "no client address reaches a server");
      owner.set(`${out.destination} ${out.source}`, client);
    }
  }));
});
