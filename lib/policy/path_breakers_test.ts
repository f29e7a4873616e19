import assert from "node:assert/strict";
import fc from "fast-check";
import { PathBreakers } from "./path_breakers.ts";

const SETTINGS = { failures: 3, pauseMs: 10_000, longestPauseMs: 60_000, capacity: 4 };
const PATH = "10.0.0.11:8080";

function failed(times: number, now: number): PathBreakers {
  const breakers = new PathBreakers(SETTINGS);
  for (let i = 0; i < times; i++) breakers.failure(PATH, now);
  return breakers;
}

Deno.test("several failures in a row make a path unable, and the one that does says so", () => {
  const breakers = new PathBreakers(SETTINGS);
  assert.deepEqual([1, 2, 3].map((now) => breakers.failure(PATH, now)), [false, false, true]);
  assert.deepEqual(breakers.state(PATH, 1_003), { state: "open", failures: 3, waitMs: 9_000 });
  assert.equal(breakers.admit(PATH, "a", 1_003), 9_000);
  assert.equal(breakers.admit("another", "a", 1_003), 0);
});

Deno.test("a success in between makes them count anew", () => {
  const breakers = failed(2, 0);
  assert.equal(breakers.success(PATH), true);
  assert.equal(breakers.success(PATH), false);
  assert.deepEqual([1, 2, 3].map((now) => breakers.failure(PATH, now)), [false, false, true]);
});

Deno.test("failures far apart do not add up", () => {
  const breakers = failed(2, 0);
  assert.equal(breakers.failure(PATH, 600_001), false);
  assert.equal(breakers.state(PATH, 600_001)?.failures, 1);
});

Deno.test("after the pause one session tries, and the others wait for it", () => {
  const breakers = failed(3, 0);
  assert.equal(breakers.admit(PATH, "a", 10_000), 0);
  assert.equal(breakers.state(PATH, 10_000)?.state, "trial");
  assert.equal(breakers.admit(PATH, "b", 10_000), 1_000);
  assert.equal(breakers.admit(PATH, "a", 11_000), 0, "the same session again");
  breakers.success(PATH);
  assert.equal(breakers.state(PATH, 11_001), null);
  assert.equal(breakers.admit(PATH, "b", 11_001), 0);
});

Deno.test("a trial that ends without a word, or says nothing for long, makes room for another", () => {
  const breakers = failed(3, 0);
  breakers.admit(PATH, "a", 10_000);
  breakers.withdraw(PATH, "somebody else");
  assert.notEqual(breakers.admit(PATH, "b", 10_001), 0);
  breakers.withdraw(PATH, "a");
  assert.equal(breakers.admit(PATH, "b", 10_002), 0);
  assert.equal(breakers.admit(PATH, "c", 30_000), 0);
});

Deno.test("pauses grow with each trial that fails, up to the longest", () => {
  const breakers = failed(3, 0);
  const pauses: number[] = [];
  let now = 0;
  for (let i = 0; i < 5; i++) {
    const { waitMs } = breakers.state(PATH, now)!;
    pauses.push(waitMs);
    now += waitMs;
    assert.equal(breakers.admit(PATH, `s${i}`, now), 0);
    assert.equal(breakers.failure(PATH, now += 700), true);
  }
  assert.deepEqual(pauses, [10_000, 20_000, 40_000, 60_000, 60_000]);
});

Deno.test("sessions that had begun before a path became unable do not make its pause longer", () => {
  const breakers = failed(3, 0);
  assert.equal(breakers.failure(PATH, 500), false);
  assert.equal(breakers.state(PATH, 500)?.waitMs, 9_500);
});

Deno.test("a failure that was none is taken back, and with it what followed from it", () => {
  const breakers = failed(3, 0);
  assert.equal(breakers.retract(PATH, 500), true);
  assert.equal(breakers.admit(PATH, "a", 500), 0);
  const twice = failed(2, 0);
  assert.equal(twice.retract(PATH, 1), false);
  assert.equal(twice.state(PATH, 1)?.failures, 1);
  assert.equal(twice.retract(PATH, 1), false);
  assert.equal(twice.size, 0);
  assert.equal(twice.retract(PATH, 1), false);
  // A trial that was none does not make the pause longer.
  const tried = failed(3, 0);
  tried.admit(PATH, "a", 10_000);
  tried.failure(PATH, 10_700);
  assert.equal(tried.state(PATH, 10_700)?.waitMs, 20_000);
  assert.equal(tried.retract(PATH, 12_000), false);
  assert.equal(tried.state(PATH, 12_000)?.state, "trial");
  tried.failure(PATH, 12_700);
  assert.equal(tried.state(PATH, 12_700)?.waitMs, 20_000);
});

Deno.test("a path in doubt is tried with one session at once, and is unable when that fails", () => {
  const breakers = new PathBreakers(SETTINGS);
  breakers.doubt(PATH, 5);
  assert.deepEqual(breakers.state(PATH, 5), { state: "trial", failures: 0, waitMs: 0 });
  assert.equal(breakers.admit(PATH, "a", 5), 0);
  assert.notEqual(breakers.admit(PATH, "b", 5), 0);
  assert.equal(breakers.failure(PATH, 700), true);
  assert.equal(breakers.state(PATH, 700)?.waitMs, 10_000);
  breakers.doubt(PATH, 800);
  assert.equal(breakers.state(PATH, 800)?.state, "open", "doubt takes nothing back");
});

Deno.test("memory is bounded, whatever fails, and at most one session tries a path", () => {
  const step = fc.record({
    what: fc.constantFrom("failure", "success", "admit", "withdraw", "doubt", "retract"),
    path: fc.integer({ min: 0, max: 9 }),
    session: fc.constantFrom("a", "b", "c"),
    forMs: fc.integer({ min: 0, max: 20_000 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const breakers = new PathBreakers(SETTINGS);
    const trials = new Map<string, { session: string; untilMs: number }>();
    let now = 0;
    for (const { what, path: number, session, forMs } of steps) {
      now += forMs;
      const path = `10.0.0.${number}`;
      const before = breakers.state(path, now)?.state;
      if (what === "admit") {
        const waitMs = breakers.admit(path, session, now);
        if (waitMs === 0 && before === "trial") {
          const trial = trials.get(path);
          assert.ok(trial === undefined || trial.session === session || now >= trial.untilMs);
          trials.set(path, { session, untilMs: now + 15_000 });
        }
        if (before === "open") assert.ok(waitMs > 0);
        if (before === "closed" || before === undefined) assert.equal(waitMs, 0);
      } else {
        if (what === "failure") breakers.failure(path, now);
        else if (what === "success") breakers.success(path);
        else if (what === "doubt") breakers.doubt(path, now);
        else if (what === "retract") breakers.retract(path, now);
        else breakers.withdraw(path, session);
        const ends = what !== "withdraw" && what !== "retract" && what !== "doubt";
        if (ends || trials.get(path)?.session === session) trials.delete(path);
        // Who was forgotten for want of room is not on trial either.
        for (const each of trials.keys()) {
          if (breakers.state(each, now) === null) trials.delete(each);
        }
      }
      assert.ok(breakers.size <= SETTINGS.capacity);
    }
  }));
});
