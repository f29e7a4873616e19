import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  PassiveHealth,
  TRIAL_SESSIONS,
} from "./health_passive.ts";

const SETTINGS = { failures: 5, withinMs: 10_000 };
const NOTHING = { answered: 0, refused: 0, silent: 0 };

/** Takes it down with refused sessions. */
function refuse(health: PassiveHealth, nowMs: number): void {
  health.observe({ ...NOTHING, refused: 5 }, true, nowMs);
}

Deno.test("a server that refuses so many sessions in a row within the time is taken down, and it says why", () => {
  const health = new PassiveHealth(SETTINGS);
  assert.equal(health.observe({ ...NOTHING, refused: 4 }, true, 0), false);
  assert.equal(health.observe({ ...NOTHING, silent: 1 }, true, 2_000), true);
  assert.equal(health.state, "paused");
  assert.equal(
    health.reason(3_000),
    "5 sessions in a row failed within 2.0 s: 4 refused with RST, 1 without answer; tried again in 4 s",
  );
});

Deno.test("failures further apart than the time, or with an answer between them, do not add up", () => {
  const slow = new PassiveHealth(SETTINGS);
  for (let n = 0; n < 50; n++) slow.observe({ ...NOTHING, refused: 1 }, true, n * 2_600);
  assert.equal(slow.state, "ok");
  const mixed = new PassiveHealth(SETTINGS);
  for (let n = 0; n < 1000; n++) {
    mixed.observe({ answered: n % 4 === 0 ? 1 : 0, refused: 1, silent: 0 }, true, n);
  }
  assert.equal(mixed.state, "ok");
});

Deno.test("a flood that a server answers only now and then does not take it down", () => {
  const health = new PassiveHealth(SETTINGS);
  for (let n = 0; n < 1000; n++) {
    health.observe({ answered: 1, refused: 0, silent: 10_000 }, true, n * 200);
  }
  assert.equal(health.state, "ok");
});

Deno.test("a server that may not be taken down is taken down with the first failure after it may", () => {
  const health = new PassiveHealth(SETTINGS);
  assert.equal(health.observe({ ...NOTHING, refused: 100 }, false, 0), false);
  assert.equal(health.observe(NOTHING, true, 100), false);
  assert.equal(health.observe({ ...NOTHING, refused: 1 }, true, 200), true);
});

Deno.test("after its pause a server is tried with few sessions, and trusted when they are answered", () => {
  const health = new PassiveHealth(SETTINGS);
  refuse(health, 0);
  health.observe(NOTHING, true, FIRST_PAUSE_MS - 1);
  assert.equal(health.state, "paused");
  assert.equal(health.observe(NOTHING, true, FIRST_PAUSE_MS), true);
  assert.equal(health.state, "trial");
  assert.equal(health.trials, 1);
  health.observe({ ...NOTHING, answered: TRIAL_SESSIONS - 1 }, true, FIRST_PAUSE_MS + 100);
  assert.equal(health.state, "trial");
  health.observe({ ...NOTHING, answered: 1 }, true, FIRST_PAUSE_MS + 200);
  assert.equal(health.state, "ok");
  assert.equal(health.reason(0), null);
});

Deno.test("each failed trial doubles the pause, up to the longest", () => {
  const health = new PassiveHealth(SETTINGS);
  let nowMs = 0;
  refuse(health, nowMs);
  const pauses: number[] = [];
  for (let n = 0; n < 9; n++) {
    const from = nowMs;
    while (health.state === "paused") health.observe(NOTHING, true, nowMs += 100);
    pauses.push(nowMs - from);
    health.observe({ ...NOTHING, silent: 1 }, true, nowMs);
  }
  assert.deepEqual(pauses.slice(0, 4), [5_000, 10_000, 20_000, 40_000]);
  assert.equal(pauses.at(-1), LONGEST_PAUSE_MS);
});

Deno.test("a server that was well for long begins with the first pause again", () => {
  const health = new PassiveHealth(SETTINGS);
  refuse(health, 0);
  health.observe(NOTHING, true, 5_000);
  health.observe({ ...NOTHING, refused: 1 }, true, 5_000);
  assert.equal(health.observe(NOTHING, true, 14_900), false);
  health.observe(NOTHING, true, 15_000);
  health.observe({ ...NOTHING, answered: 3 }, true, 15_100);
  refuse(health, 200_000);
  assert.match(health.reason(200_000)!, /tried again in 5 s$/);
});

Deno.test("an answer ends the pause early: to a trial, not to trust", () => {
  const health = new PassiveHealth(SETTINGS);
  refuse(health, 0);
  health.observe({ ...NOTHING, answered: 1 }, true, 100);
  assert.equal(health.state, "trial");
});

Deno.test("a trial whose sessions came to nothing is granted others", () => {
  const health = new PassiveHealth(SETTINGS);
  refuse(health, 0);
  health.observe(NOTHING, true, 5_000);
  assert.equal(health.observe(NOTHING, true, 14_999), false);
  assert.equal(health.observe(NOTHING, true, 15_000), true);
  assert.equal(health.trials, 2);
});

Deno.test("whatever is seen, a server comes back once it answers, within the longest pause", () => {
  const signs = fc.record({ answered: fc.nat(3), refused: fc.nat(9), silent: fc.nat(9) });
  fc.assert(fc.property(fc.array(fc.tuple(signs, fc.nat(100_000)), { maxLength: 60 }), (past) => {
    const health = new PassiveHealth(SETTINGS);
    let nowMs = 0;
    for (const [seen, pauseMs] of past) health.observe(seen, true, nowMs += pauseMs);
    const untilMs = nowMs + LONGEST_PAUSE_MS + 1_000;
    while (nowMs < untilMs && health.state !== "ok") {
      nowMs += 500;
      health.observe({ ...NOTHING, answered: health.state === "trial" ? 1 : 0 }, true, nowMs);
    }
    assert.equal(health.state, "ok");
  }));
});
