import assert from "node:assert/strict";
import { mayTakeDown } from "./health_limit.ts";
import { ServerHealth } from "./health_server.ts";
import { normalizeShares, slowStartShare } from "./slow_start.ts";

const ACTIVE = { rise: 1, fall: 2 };
const PASSIVE = { failures: 3, withinMs: 10_000 };
const NOTHING = { answered: 0, refused: 0, silent: 0 };
const START = { nowMs: 0, added: false };

Deno.test("a server that nobody has looked at is unknown and able, at its whole share", () => {
  const health = new ServerHealth({ active: ACTIVE, slowStartMs: 30_000 }, START);
  assert.equal(health.status, "unknown");
  assert.equal(health.share(0), 1);
  assert.equal(health.reason(0), null);
  // The first good check of a NAT machine that starts begins no slow start.
  health.checked(true, "connected", 100);
  assert.equal(health.status, "up");
  assert.equal(health.share(100), 1);
});

Deno.test("a server that comes up, or is added to a running service, starts slowly", () => {
  const added = new ServerHealth({ slowStartMs: 10_000 }, { nowMs: 1_000, added: true });
  assert.equal(added.share(6_000), 0.5);
  assert.equal(added.starting(6_000), true);
  assert.equal(added.share(11_000), 1);
  const health = new ServerHealth({ active: ACTIVE, slowStartMs: 10_000 }, START);
  health.checked(false, "connection refused", 0);
  assert.equal(health.checked(false, "connection refused", 1_000), true);
  assert.equal(health.share(1_000), 0);
  assert.equal(health.reason(1_000), "connection refused");
  assert.equal(health.sinceMs, 1_000);
  assert.equal(health.checked(true, "connected", 5_000), true);
  assert.equal(health.share(7_500), 0.25);
  assert.equal(health.reason(7_500), "connected");
});

Deno.test("good checks alone do not bring back what signs took down; a fall and a rise do", () => {
  const health = new ServerHealth({ active: ACTIVE, passive: PASSIVE, slowStartMs: 0 }, START);
  health.checked(true, "connected", 0);
  assert.equal(health.signs({ ...NOTHING, refused: 3 }, true, 100), true);
  assert.equal(health.status, "down");
  assert.match(health.reason(100)!, /^3 sessions in a row failed/);
  for (let n = 0; n < 10; n++) health.checked(true, "connected", 200 + n);
  assert.equal(health.able, false);
  health.checked(false, "connection refused", 300);
  health.checked(false, "connection refused", 400);
  assert.equal(health.reason(400), "connection refused");
  assert.equal(health.checked(true, "connected", 500), true);
  assert.equal(health.status, "up");
});

Deno.test("a server on trial is unknown, able, and says how the trial goes; then it starts slowly", () => {
  const health = new ServerHealth({ passive: PASSIVE, slowStartMs: 10_000 }, START);
  health.signs({ ...NOTHING, refused: 3 }, true, 0);
  assert.equal(health.trials, null);
  assert.equal(health.signs(NOTHING, true, 5_000), true);
  assert.equal(health.status, "unknown");
  assert.equal(health.trials, 1);
  assert.match(health.reason(5_000)!, /on trial, 0 of 3 sessions answered$/);
  health.signs({ ...NOTHING, answered: 3 }, true, 6_000);
  assert.equal(health.status, "up");
  assert.equal(health.trials, null);
  assert.equal(health.share(7_000), 0.1);
});

Deno.test("while nobody can check, a server that was down stays down, and any other is unknown and able", () => {
  const down = new ServerHealth({ active: ACTIVE, slowStartMs: 0 }, START);
  down.checked(false, "connection refused", 0);
  down.checked(false, "connection refused", 1);
  down.unchecked("its agent is not connected", 2);
  assert.equal(down.status, "down");
  assert.equal(down.reason(3), "connection refused; its agent is not connected");
  const up = new ServerHealth({ active: ACTIVE, slowStartMs: 0 }, START);
  up.checked(true, "connected", 0);
  assert.equal(up.unchecked("its agent is not connected", 1), true);
  assert.equal(up.status, "unknown");
  assert.equal(up.able, true);
  assert.equal(up.reason(2), "its agent is not connected");
  assert.equal(up.checked(true, "connected", 3), true);
  assert.equal(up.status, "up");
});

Deno.test("other settings forget nothing: a server that is down stays down until a check says otherwise", () => {
  const health = new ServerHealth({ active: ACTIVE, slowStartMs: 0 }, START);
  health.checked(false, "connection refused", 0);
  health.checked(false, "connection refused", 1);
  health.configure({ active: { rise: 2, fall: 5 }, slowStartMs: 0 });
  assert.equal(health.status, "down");
  health.checked(true, "connected", 2);
  assert.equal(health.status, "down");
  health.checked(true, "connected", 3);
  assert.equal(health.status, "up");
  health.configure({ slowStartMs: 0 });
  assert.equal(health.status, "unknown");
  assert.equal(health.reason(4), null);
});

Deno.test("signs take down at most half of a service's servers, and never the last one that is able", () => {
  for (const count of [1, 2, 3, 4, 9]) {
    const servers = Array.from(
      { length: count },
      () => new ServerHealth({ passive: PASSIVE, slowStartMs: 0 }, START),
    );
    for (let round = 0; round < 5; round++) {
      for (const server of servers) {
        server.signs({ ...NOTHING, refused: 9 }, mayTakeDown(server, servers), round);
      }
    }
    assert.equal(servers.filter(({ able }) => !able).length, Math.floor(count / 2));
  }
  const settings = { active: ACTIVE, passive: PASSIVE, slowStartMs: 0 };
  const [checked, last] = [new ServerHealth(settings, START), new ServerHealth(settings, START)];
  checked.checked(false, "connection refused", 0);
  checked.checked(false, "connection refused", 1);
  assert.equal(mayTakeDown(last, [checked, last]), false);
});

Deno.test("slowStartShare() rises evenly from a little to the whole", () => {
  const at = (nowMs: number) => slowStartShare(1_000, nowMs, 30_000);
  assert.deepEqual([1_000, 4_000, 16_000, 30_999, 31_000].map(at), [
    0.01,
    0.1,
    0.5,
    29_999 / 30_000,
    1,
  ]);
  assert.equal(slowStartShare(null, 0, 30_000), 1);
  assert.equal(slowStartShare(0, 0, 0), 1);
});

Deno.test("normalizeShares() gives servers that start together the whole among them", () => {
  const shares = Float64Array.of(0.1, 0, 0.2, 1);
  normalizeShares(shares, [1, 1, 1, 0]);
  assert.deepEqual([...shares], [0.5, 0, 1, 1]);
  const none = Float64Array.of(0, 0);
  normalizeShares(none, [1, 1]);
  assert.deepEqual([...none], [0, 0]);
});
