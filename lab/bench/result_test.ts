import assert from "node:assert/strict";
import type { Bench } from "./bench.ts";
import { resultOf, wasMeasured } from "./result.ts";

const BENCH: Bench = {
  name: "example",
  description: "an example",
  rounds: 3,
  seconds: 1,
  quantities: [
    { name: "rate", unit: "1/s", better: "more" },
    { name: "time", unit: "µs", better: "less" },
    {
      name: "added",
      unit: "µs",
      better: "less",
      beyond: { quantity: "time", subject: "direct" },
    },
    { name: "part", unit: "share", better: "less" },
  ],
  aims: [
    { quantity: "rate", subject: "ours", of: "nft", atLeast: 0.9 },
    { quantity: "added", subject: "ours", of: "nft", atMost: 1.3 },
    { quantity: "part", subject: "ours", atMost: 0.01 },
    { quantity: "rate", subject: "ours", of: "haproxy", atLeast: 1 },
  ],
  subjects: [],
};
const RUN = { rounds: 3, seconds: 1, lacking: [], durationMs: 1 };

function turns(subject: string, rates: number[], times: number[]) {
  return {
    subject,
    turns: rates.map((rate, i) => ({ rate: [rate], time: [times[i]!], part: [0.005] })),
  };
}

const SUBJECTS = [
  turns("direct", [100, 120, 110], [10, 12, 11]),
  turns("nft", [90, 100, 80], [15, 16, 17]),
  turns("ours", [45, 72, 54], [31, 30, 29]),
];

function resultOfExample() {
  return resultOf(BENCH, RUN, { subjects: SUBJECTS, notes: [] });
}

Deno.test("a result keeps every sample of every turn", () => {
  const { measured } = resultOfExample();
  const ours = measured.find(({ quantity, subject }) => quantity === "rate" && subject === "ours");
  assert.deepEqual(ours?.turns, [[45], [72], [54]]);
  assert.deepEqual([ours?.min, ours?.p50, ours?.max], [45, 54, 72]);
  assert.deepEqual(ours?.medianOfTurns, { min: 45, max: 72 });
});

Deno.test("ratios are those of medians, to each reference that was measured", () => {
  const { ratios } = resultOfExample();
  const ours = ratios.filter(({ quantity, subject }) => quantity === "rate" && subject === "ours");
  assert.deepEqual(ours.map(({ of, ratio }) => [of, ratio]), [["direct", 54 / 110], [
    "nft",
    54 / 90,
  ]]);
});

Deno.test("a share is no ratio's part", () => {
  assert.deepEqual(resultOfExample().ratios.filter(({ quantity }) => quantity === "part"), []);
});

Deno.test("what is beyond a subject's median is computed of every sample, and not of that subject", () => {
  const added = resultOfExample().measured.filter(({ quantity }) => quantity === "added");
  assert.deepEqual(added.map(({ subject, turns }) => [subject, turns.flat()]), [
    ["nft", [4, 5, 6]],
    ["ours", [20, 19, 18]],
  ]);
});

Deno.test("aims say what was measured and whether it is met; null where one was not measured", () => {
  const { aims } = resultOfExample();
  assert.deepEqual(aims.map(({ measured, met }) => [measured, met]), [
    [54 / 90, false],
    [19 / 5, false],
    [0.005, true],
    [null, null],
  ]);
});

Deno.test("a subject that failed makes a result that is not all measured, one left out does not", () => {
  const of = (more: { leftOut?: string; failure?: string }) =>
    wasMeasured(
      resultOf(BENCH, RUN, {
        subjects: [...SUBJECTS, { subject: "x", turns: [], ...more }],
        notes: [],
      }),
    );
  assert.ok(of({ leftOut: "not installed" }));
  assert.ok(!of({ failure: "ended" }));
});
