import assert from "node:assert/strict";
import { SelfTests } from "./self_tests.ts";

const VIP = "203.0.113.10";
const CASE = { vip: VIP, destinations: ["10.0.1.1", VIP] };

function setUp() {
  const sent: { agent: string; nonce: number; source: string }[] = [];
  const changed: string[] = [];
  const expected: number[] = [];
  let nonce = 100;
  const tests = new SelfTests({
    send: (agent, probe) => sent.push({ agent, nonce: probe.nonce, source: probe.source }),
    expect: (it) => expected.push(it),
    changed: (agent, vip, state) => changed.push(`${agent} ${vip} ${state}`),
    nonce: () => ++nonce,
  });
  const run = (from: number, to: number) => {
    for (let now = from; now <= to; now += 100) tests.tick(now);
  };
  const left = (nonce: number, now: number) =>
    tests.answered("s1", { type: "probed", nonce, sent: 2, reason: null }, now);
  return { tests, sent, changed, expected, run, left };
}

Deno.test("an agent whose test packet comes back has passed, and is not asked again", () => {
  const { tests, sent, changed, expected, run, left } = setUp();
  tests.begin("s1", [CASE], 0);
  assert.deepEqual(sent, [{ agent: "s1", nonce: 101, source: VIP }]);
  assert.deepEqual(expected, [101]);
  assert.equal(tests.state("s1", VIP)?.state, "pending");
  left(101, 1);
  tests.seen(101);
  assert.deepEqual(changed, ["s1 203.0.113.10 passed"]);
  run(0, 200_000);
  assert.equal(sent.length, 1);
});

Deno.test("packets that leave and never come back are sent three times, then the test has failed, with the reason", () => {
  const { tests, sent, changed, run, left } = setUp();
  tests.begin("s1", [CASE], 0);
  for (const [nonce, now] of [[101, 5], [102, 505], [103, 1405]] as const) {
    left(nonce, now);
    run(now, now + 400);
  }
  run(1_900, 3_100);
  assert.equal(sent.length, 3);
  assert.deepEqual(tests.state("s1", VIP), {
    state: "failed",
    reason: "test packets from 203.0.113.10 did not come back by the first hop",
  });
  assert.deepEqual(changed, ["s1 203.0.113.10 failed"]);
});

Deno.test("a failed test is made again after growing pauses, at most a minute, and may pass then", () => {
  const { tests, sent, changed, left } = setUp();
  const begun: number[] = [0];
  tests.begin("s1", [CASE], 0);
  left(101, 0);
  for (let now = 0; now <= 200_000; now += 100) {
    const before = sent.length;
    tests.tick(now);
    if (sent.length === before) continue;
    if ((sent.length - 1) % 3 === 0) begun.push(now);
    left(sent.at(-1)!.nonce, now);
  }
  assert.deepEqual(changed, ["s1 203.0.113.10 failed"], "it is told once");
  const pauses = begun.slice(1).map((at, i) => at - begun[i]!);
  assert.ok(pauses[0]! <= 6_000, `the first pause: ${pauses}`);
  for (let i = 1; i < pauses.length; i++) assert.ok(pauses[i]! >= pauses[i - 1]!, `${pauses}`);
  assert.ok(pauses.at(-1)! >= 60_000 && pauses.at(-1)! < 70_000, `${pauses}`);
  tests.tick(400_000);
  tests.seen(sent.at(-1)!.nonce);
  assert.equal(changed.at(-1), "s1 203.0.113.10 passed");
});

Deno.test("a packet that comes back late, after the next one was sent, counts", () => {
  const { tests, changed, run, left } = setUp();
  tests.begin("s1", [CASE], 0);
  run(0, 900);
  left(101, 900);
  tests.seen(101);
  assert.deepEqual(changed, ["s1 203.0.113.10 passed"]);
  tests.seen(102);
  assert.equal(changed.length, 1);
});

Deno.test("an agent that cannot tell, or does not answer, is untested, which is no failure", () => {
  const { tests, changed, run } = setUp();
  tests.begin("s1", [CASE], 0);
  tests.answered("s1", { type: "probed", nonce: 101, sent: 0, reason: "no default route" }, 5);
  assert.deepEqual(tests.state("s1", VIP), { state: "untested", reason: "no default route" });
  tests.begin("s2", [CASE], 0);
  run(0, 3_500);
  assert.deepEqual(tests.state("s2", VIP), {
    state: "untested",
    reason: "the agent does not answer",
  });
  assert.deepEqual(changed, ["s1 203.0.113.10 untested", "s2 203.0.113.10 untested"]);
});

Deno.test("nobody answers for another agent, and what was not asked for says nothing", () => {
  const { tests, changed } = setUp();
  tests.begin("s1", [CASE], 0);
  tests.answered("s2", { type: "probed", nonce: 101, sent: 0, reason: "spite" }, 5);
  tests.answered("s1", { type: "probed", nonce: 7, sent: 0, reason: "spite" }, 5);
  tests.seen(7);
  assert.deepEqual(changed, []);
});

Deno.test("what sessions have shown counts more than a test that failed", () => {
  const { tests, left } = setUp();
  tests.begin("s1", [CASE], 0);
  tests.tick(500);
  tests.tick(1_500);
  left(103, 1_500);
  tests.tick(3_200);
  assert.equal(tests.state("s1", VIP)?.state, "failed");
  tests.prove("s1");
  assert.deepEqual(tests.state("s1", VIP), { state: "passed", reason: null });
});

Deno.test("an agent that is gone, and addresses that are not served any more, are forgotten", () => {
  const { tests } = setUp();
  const other = { vip: "203.0.113.11", destinations: ["10.0.1.1"] };
  tests.begin("s1", [CASE, other], 0);
  tests.follow("s1", [other], 10);
  assert.deepEqual([tests.state("s1", VIP), tests.state("s1", other.vip)?.state], [
    undefined,
    "pending",
  ]);
  tests.end("s1");
  assert.equal(tests.state("s1", other.vip), undefined);
});

Deno.test("of very many agents that come at once some wait for the others", () => {
  const { tests, sent } = setUp();
  for (let i = 0; i < 2_000; i++) tests.begin(`s${i}`, [CASE], 0);
  assert.equal(sent.length, 256);
  for (const { nonce } of sent.splice(0)) tests.seen(nonce);
  tests.tick(1);
  assert.equal(sent.length, 256);
});
