import assert from "node:assert/strict";
import type { Bench } from "./bench.ts";
import { markdownOf } from "./markdown.ts";
import { resultOf } from "./result.ts";
import { aimLine, tablesOf } from "./tables.ts";

const BENCH: Bench = {
  name: "example",
  description: "an example",
  rounds: 1,
  seconds: 2,
  quantities: [{ name: "rate", unit: "bit/s", better: "more" }],
  aims: [{ quantity: "rate", subject: "bypath-nat", of: "nft", atLeast: 0.95 }],
  notes: ["a note"],
  subjects: [],
};
const RESULT = resultOf(BENCH, { rounds: 1, seconds: 2, lacking: [], durationMs: 1 }, {
  subjects: [
    { subject: "nft", turns: [{ rate: [10e9] }] },
    { subject: "bypath-nat", turns: [{ rate: [9e9] }] },
    { subject: "haproxy", turns: [], leftOut: "haproxy is not installed" },
  ],
  notes: [],
});

Deno.test("a table has a row a subject and a column a reference that was measured", () => {
  assert.deepEqual(tablesOf(RESULT), [{
    title: "rate (more is better)",
    rows: [
      ["", "median", "least", "most", "of nft"],
      ["nft", "10.00 Gbit/s", "10.00 Gbit/s", "10.00 Gbit/s", "1.00"],
      ["bypath-nat", "9.00 Gbit/s", "9.00 Gbit/s", "9.00 Gbit/s", "0.90"],
    ],
    measured: RESULT.measured,
    unit: "bit/s",
  }]);
});

Deno.test("an aim stands beside what was measured", () => {
  assert.deepEqual(aimLine(RESULT.aims[0]!, RESULT.quantities), [
    "bypath-nat: rate, at least 0.95 of nft",
    "0.90",
    "not met",
  ]);
});

Deno.test("markdownOf() says on what machine, what was left out, tables, aims and notes", () => {
  const machine = {
    cores: 2,
    processor: "Some CPU",
    memoryBytes: 2 ** 34,
    kernel: "Linux 6.18",
    architecture: "x86_64",
    runFileSystem: "tmpfs",
    versions: { nft: "1.0.6" },
  };
  const text = markdownOf(machine, [RESULT]);
  assert.match(
    text,
    /^Machine: 2 cores \(Some CPU\), 16 GiB of memory, Linux 6\.18, x86_64, \/run on tmpfs\.$/m,
  );
  assert.match(text, /^## example$/m);
  assert.match(text, /^haproxy is left out: haproxy is not installed\.$/m);
  assert.match(text, /^\| bypath-nat \| 9\.00 Gbit\/s +\| .*\| 0\.90 +\|$/m);
  assert.match(text, /^\| bypath-nat: rate, at least 0\.95 of nft +\| 0\.90 +\| not met \|$/m);
  assert.match(text, /^- a note$/m);
});
