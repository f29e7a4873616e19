import assert from "node:assert/strict";
import { DROP } from "../session/drop_reason.ts";
import { U16, U8 } from "../session/layout.ts";
import { REASON } from "../session/path_reason.ts";
import { STATE } from "../session/tcp_state.ts";
import { TCP_ACK, TCP_SYN } from "../wire/tcp_flags.ts";
import { Bench, config, service, words } from "./_test_translator.ts";
import type { RebuiltSession } from "./instruction_rebuild.ts";

const BYPASSING = config({ services: [service({ start: { bytes: 65536 } })] });

function session(changes: Partial<RebuiltSession> = {}): RebuiltSession {
  return {
    protocol: 6,
    client: { words: words("198.51.100.2"), port: 40000 },
    vip: { words: words("203.0.113.10"), port: 80 },
    nat: { words: words("10.0.1.1"), port: 20003 },
    server: { words: words("10.0.0.12"), port: 8080 },
    pathMtu: 0,
    serverFin: false,
    ...changes,
  };
}

function fromClient(flags: number, sourcePort = 40000) {
  return {
    protocol: "tcp",
    source: `198.51.100.2:${sourcePort}`,
    destination: "203.0.113.10:80",
    flags,
  } as const;
}

Deno.test("a rebuilt session goes on in both directions with its endpoints, and asks for its instruction", () => {
  const bench = new Bench({ config: BYPASSING });
  assert.equal(bench.translator.rebuild(session({ pathMtu: 1280 }), bench.nowMs), "rebuilt");
  assert.deepEqual(bench.told, ["opened 1", `crossed 1 1 ${REASON.rebuilt} 0`]);
  assert.equal(bench.table.getU16(1, U16.pathMtu), 1280);
  const inbound = bench.send(fromClient(TCP_ACK));
  assert.deepEqual(
    [inbound.verdict, inbound.source, inbound.destination],
    [1, "10.0.1.1:20003", "10.0.0.12:8080"],
  );
  const outbound = bench.send({
    protocol: "tcp",
    source: "10.0.0.12:8080",
    destination: "10.0.1.1:20003",
    flags: TCP_ACK,
  });
  assert.deepEqual(
    [outbound.verdict, outbound.source, outbound.destination],
    [1, "203.0.113.10:80", "198.51.100.2:40000"],
  );
});

Deno.test("a session of a service that never bypasses is rebuilt without an instruction", () => {
  const bench = new Bench();
  assert.equal(bench.translator.rebuild(session(), bench.nowMs), "rebuilt");
  assert.deepEqual(bench.told, ["opened 1"]);
  assert.equal(bench.table.getU8(1, U8.reason), REASON.never);
});

Deno.test("a session whose server has sent FIN is rebuilt as closing", () => {
  const bench = new Bench({ config: BYPASSING });
  bench.translator.rebuild(session({ serverFin: true }), bench.nowMs);
  assert.equal(bench.table.getU8(1, U8.state), STATE.closing);
});

Deno.test("what is offered again is known, and what lost its endpoints to others is a conflict", () => {
  const bench = new Bench({ config: BYPASSING });
  const rebuild = (it: RebuiltSession) => bench.translator.rebuild(it, bench.nowMs);
  assert.equal(rebuild(session()), "rebuilt");
  assert.equal(rebuild(session()), "known");
  const otherClient = { words: words("198.51.100.3"), port: 40000 };
  assert.equal(rebuild(session({ client: otherClient })), "conflict");
  assert.equal(rebuild(session({ nat: { words: words("10.0.1.1"), port: 20004 } })), "conflict");
  const noneOfOurs = { words: words("10.0.1.3"), port: 20004 };
  assert.equal(rebuild(session({ client: otherClient, nat: noneOfOurs })), "conflict");
  assert.equal(bench.table.used, 1);
});

Deno.test("a full table takes no more", () => {
  const bench = new Bench({ config: BYPASSING, capacity: 1 });
  bench.translator.rebuild(session(), bench.nowMs);
  const second = session({
    client: { words: words("198.51.100.3"), port: 1 },
    nat: { words: words("10.0.1.2"), port: 20003 },
  });
  assert.equal(bench.translator.rebuild(second, bench.nowMs), "full");
});

Deno.test("a rebuilt session's NAT endpoint is given to nobody else", () => {
  const bench = new Bench({ config: BYPASSING });
  bench.translator.rebuild(session(), bench.nowMs);
  for (let port = 1; port <= 39; port++) {
    const { source, destination } = bench.send(fromClient(TCP_SYN, port));
    assert.notEqual(`${source} ${destination}`, "10.0.1.1:20003 10.0.0.12:8080");
  }
  assert.equal(bench.table.used, 40);
});

Deno.test("in silence unknown sessions get no reset, so that they can still be rebuilt", () => {
  const bench = new Bench({ config: BYPASSING });
  bench.translator.silence(bench.nowMs + 1000);
  assert.equal(bench.send(fromClient(TCP_ACK)).verdict, -DROP.noSession);
  const stray = {
    protocol: "tcp",
    source: "10.0.0.12:8080",
    destination: "10.0.1.1:20003",
    flags: TCP_ACK,
  } as const;
  assert.equal(bench.send(stray).verdict, -DROP.noSession);
  assert.equal(bench.replies.length, 0);
  bench.pass(1000);
  bench.send(fromClient(TCP_ACK));
  bench.send(stray);
  assert.equal(bench.replies.length, 2);
});
