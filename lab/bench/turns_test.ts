import assert from "node:assert/strict";
import type { BypathLab } from "../bypath_lab.ts";
import type { Bench } from "./bench.ts";
import { takeTurns } from "./turns.ts";

/** No subject of these tests looks at it. */
const NO_LAB = {} as BypathLab;

function benchOf(log: string[], more: Partial<Bench> = {}): Bench {
  const subject = (name: string) => ({
    name,
    measure: () => {
      log.push(name);
      return Promise.resolve({ x: [log.length] });
    },
  });
  const subjects = ["a", "b"].map(subject);
  return { name: "t", description: "", rounds: 2, seconds: 1, quantities: [], subjects, ...more };
}

const OPTIONS = { rounds: 2, seconds: 1, progress: () => {} };

Deno.test("subjects take turns", async () => {
  const log: string[] = [];
  const { subjects } = await takeTurns(benchOf(log), NO_LAB, OPTIONS);
  assert.deepEqual(log, ["a", "b", "a", "b"]);
  assert.deepEqual(subjects.map(({ turns }) => turns), [[{ x: [1] }, { x: [3] }], [{ x: [2] }, {
    x: [4],
  }]]);
});

Deno.test("a turn to warm up does not count", async () => {
  const log: string[] = [];
  const { subjects } = await takeTurns(benchOf(log, { warmUp: true }), NO_LAB, OPTIONS);
  assert.equal(log.length, 6);
  assert.deepEqual(subjects[0]?.turns, [{ x: [3] }, { x: [5] }]);
});

Deno.test("a subject that fails has no more turns, and what it had before is kept", async () => {
  const log: string[] = [];
  const bench = benchOf(log);
  let turn = 0;
  const failing = {
    name: "f",
    measure: () => {
      if (++turn === 2) throw new Error("broken");
      return Promise.resolve({ x: [0] });
    },
  };
  const rounds = { ...OPTIONS, rounds: 4 };
  const { subjects } = await takeTurns(
    { ...bench, subjects: [failing, ...bench.subjects] },
    NO_LAB,
    rounds,
  );
  assert.equal(turn, 2);
  assert.deepEqual(subjects[0], { subject: "f", turns: [{ x: [0] }], failure: "broken" });
  assert.equal(subjects[1]?.turns.length, 4);
});

Deno.test("what this host lacks is left out and said so", async () => {
  const log: string[] = [];
  const bench = benchOf(log);
  const lacking = { ...bench.subjects[0]!, lacking: () => Promise.resolve("not installed") };
  const { subjects } = await takeTurns({ ...bench, subjects: [lacking] }, NO_LAB, OPTIONS);
  assert.deepEqual(log, []);
  assert.deepEqual(subjects, [{ subject: "a", turns: [], leftOut: "not installed" }]);
});
