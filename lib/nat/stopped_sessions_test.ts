import assert from "node:assert/strict";
import { type Aftermath, type Finding, StoppedSessions } from "./stopped_sessions.ts";

const PATH = { server: "tcp 10.0.0.11:8080", clients: "198.51.100.0/24" };
const THEN: Aftermath = {
  acknowledgement: 1000,
  natSequence: 1000,
  clientSequence: 50,
  packetsViaNat: 9,
};

function setUp(isTcp = true) {
  const stopped = new StoppedSessions();
  stopped.add(1, { id: 7, path: PATH, isTcp, counts: true, stoppedMs: 0, then: THEN });
  const check = (now: number, seen: Partial<Aftermath> | null) => {
    const findings: Finding[] = [];
    const look = () => seen === null ? null : { ...THEN, ...seen };
    stopped.check(look, (_, finding) => findings.push(finding), now);
    return findings;
  };
  return { stopped, check };
}

Deno.test("when a client acknowledges what comes via NAT and nothing else, the direct path was to blame", () => {
  const { stopped, check } = setUp();
  assert.deepEqual(check(100, {}), []);
  assert.deepEqual(check(400, { packetsViaNat: 10, natSequence: 2448 }), []);
  const answered = { packetsViaNat: 10, natSequence: 2448, acknowledgement: 2448 };
  assert.ok(stopped.isOpen(1, 7));
  assert.deepEqual(check(500, answered), ["failed"]);
  assert.deepEqual(check(600, answered), [], "told once");
  assert.ok(!stopped.isOpen(1, 7));
});

Deno.test("an upload that goes on via NAT blames the direct path too", () => {
  const { check } = setUp();
  assert.deepEqual(check(500, { packetsViaNat: 10, clientSequence: 1498 }), ["failed"]);
});

Deno.test("when the client has what was sent only directly, the path is good", () => {
  const { check } = setUp();
  const filled = { packetsViaNat: 10, natSequence: 2448, acknowledgement: 30_000 };
  assert.deepEqual(check(500, filled), ["arrived"]);
});

Deno.test("a client that stays silent, and a session that is over, blame nobody", () => {
  const { check } = setUp();
  assert.deepEqual(check(9_999, { packetsViaNat: 20 }), []);
  assert.deepEqual(check(10_000, { packetsViaNat: 20 }), ["unclear"]);
  assert.deepEqual(setUp().check(10, null), ["unclear"]);
});

Deno.test("UDP: errors that go on via NAT are about the client, errors that end were about the path", () => {
  const gone = setUp(false);
  gone.stopped.undelivered(1, 300);
  assert.deepEqual(gone.check(400, { packetsViaNat: 10 }), [], "still under way");
  gone.stopped.undelivered(1, 900);
  assert.deepEqual(gone.check(1_000, { packetsViaNat: 12 }), ["unclear"]);
  const { check } = setUp(false);
  assert.deepEqual(check(2_999, { packetsViaNat: 12 }), []);
  assert.deepEqual(check(3_000, { packetsViaNat: 12 }), ["failed"]);
  assert.deepEqual(setUp(false).check(3_000, {}), [], "nothing was sent");
});

Deno.test("pauses grow from 5 s to 10 minutes, for each session by itself, until it is forgiven", () => {
  const stopped = new StoppedSessions();
  const pause = (id: number) =>
    stopped.add(id, { id, path: PATH, isTcp: true, counts: true, stoppedMs: 100, then: THEN }) -
    100;
  const pauses = Array.from({ length: 9 }, () => pause(1) / 1000);
  assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
  assert.equal(pause(2), 5_000);
  stopped.forgive(1);
  assert.equal(pause(1), 5_000);
});

Deno.test("of too many sessions the oldest are forgotten", () => {
  const stopped = new StoppedSessions();
  for (let id = 1; id <= 10_000; id++) {
    stopped.add(id, { id, path: PATH, isTcp: true, counts: true, stoppedMs: 0, then: THEN });
  }
  assert.ok(!stopped.isOpen(1, 1));
  assert.ok(stopped.isOpen(10_000, 10_000));
  let found = 0;
  stopped.check(() => null, () => found++, 1);
  assert.equal(found, 4096);
});
