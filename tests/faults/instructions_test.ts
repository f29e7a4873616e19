import assert from "node:assert/strict";
import fc from "fast-check";
import { type Action, ACTIONS, type Step, World } from "./instruction_world.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(Deno.env.get("RUNS") ?? 2000);

/** Scripts of up to this many of these steps, each as often as it is wanted. Short ones too, so that failures shrink. */
function script(actions: readonly Action[], length: number): fc.Arbitrary<Step[]> {
  const wanted = actions.flatMap((action) =>
    Array<Action>(Math.round(10 * ACTIONS[action])).fill(action)
  );
  const step = fc.noBias(fc.nat()).map((n): Step => [
    wanted[n % wanted.length]!,
    Math.floor(n / wanted.length),
  ]);
  return fc.array(step, { maxLength: length, size: "max" });
}

const everyAction = Object.keys(ACTIONS) as Action[];

function tally(into: Map<string, number>, from: Map<string, number>): void {
  for (const [key, count] of from) into.set(key, (into.get(key) ?? 0) + count);
}

/** Runs scripts against a fresh world each, and says how much happened in them. */
function explore(actions: readonly Action[], length: number): Map<string, number> {
  console.log(`    seed ${seed} (SEED=${seed} repeats it, RUNS=n does more)`);
  const ends = new Map<string, number>();
  let installs = 0;
  fc.assert(
    fc.property(script(actions, length), (steps) => {
      const world = new World();
      for (const step of steps) world.step(step);
      world.settle();
      installs += world.installs;
      tally(ends, world.ends);
    }),
    { seed, numRuns: runs },
  );
  console.log(`    ${installs} installs, ended: ${JSON.stringify(Object.fromEntries(ends))}`);
  return ends;
}

Deno.test("whatever is lost, doubled, late or restarted, no instruction outlives its end or translates another session", () => {
  const ends = explore(everyAction, 800);
  for (const cause of ["stopped", "refused", "restarted", "missing", "lapsed"]) {
    assert.ok((ends.get(cause) ?? 0) > 0, `no instruction was ${cause}: the scripts are too tame`);
  }
});

Deno.test("with a network that keeps order and machines that stay up, counters are exact", () => {
  const calm: Action[] = ["open", "install", "stop", "close", "packet", "report", "tick", "time"];
  console.log(`    seed ${seed}`);
  fc.assert(
    fc.property(script([...calm, "connect"], 300), (steps) => {
      const world = new World();
      for (const step of steps) {
        world.step(step);
        for (const agent of [0, 1]) {
          for (let i = 0; i < 8; i++) world.step(["deliver", agent]);
          world.step(["worker", agent]);
        }
      }
      world.settle();
      assert.equal(world.unreliable, false);
    }),
    { seed, numRuns: 100 },
  );
});
