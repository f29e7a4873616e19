import assert from "node:assert/strict";
import { withFigures } from "./fault_figures.ts";

const TABLE = [
  "| scenario | what happens | blocked | pause | lost | back |",
  "| -------- | ------------ | ------- | ----- | ---- | ---- |",
  "| `agent-killed` | a, `b` | ? | ? | ? | ? |",
  "| `nat-killed`   | c      | 1 | 2 | 3 | 4 |",
].join("\n");

Deno.test("withFigures() fills the row of a scenario that was run, and no other", () => {
  const figures = {
    blockedMs: 0,
    longestPauseMs: 1260,
    datagramsSent: 100,
    datagramsLost: 2,
    bypassReturnsMs: 300,
  };
  const result = { name: "agent-killed", ok: true, durationMs: 1, checks: [], figures };
  assert.deepEqual(withFigures(TABLE, [result]).split("\n").slice(2), [
    "| `agent-killed` | a, `b` | - | 1.26 s | 2 of 100 | 300 ms |",
    "| `nat-killed`   | c      | 1 | 2 | 3 | 4 |",
  ]);
});

Deno.test("withFigures() does not make up what was not measured", () => {
  const result = { name: "nat-killed", ok: false, durationMs: 1, checks: [], figures: {} };
  assert.ok(withFigures(TABLE, [result]).endsWith("| `nat-killed` | c | - | - | - | - |"));
});
