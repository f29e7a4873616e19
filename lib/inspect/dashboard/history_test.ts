import assert from "node:assert/strict";
import { History, HISTORY_MS, marksOf } from "./history.ts";

function rates(viaNat: number, viaBypass: number) {
  return new Map([
    ["10.0.0.11:8080", { fromClient: 1, viaNat, viaBypass: 0 }],
    ["10.0.0.12:8080", { fromClient: 1, viaNat: 0, viaBypass }],
  ]);
}

Deno.test("a point is the sum of all servers, and only the first one begins", () => {
  const history = new History();
  history.add(0, rates(10, 0));
  history.add(1000, rates(0, 200));
  assert.deepEqual(history.points, [
    { atMs: 0, viaNat: 10, viaBypass: 0, begins: true },
    { atMs: 1000, viaNat: 0, viaBypass: 200, begins: false },
  ]);
});

Deno.test("after an interruption it begins anew", () => {
  const history = new History();
  history.add(0, rates(100, 0));
  history.interrupt();
  history.add(5000, rates(0, 0));
  assert.deepEqual(history.points.at(-1), { atMs: 5000, viaNat: 0, viaBypass: 0, begins: true });
});

Deno.test("what is older than the chart is forgotten", () => {
  const history = new History();
  for (let atMs = 0; atMs <= 2 * HISTORY_MS; atMs += 1000) history.add(atMs, rates(1, 1));
  assert.equal(history.points[0]!.atMs, HISTORY_MS);
});

Deno.test("marksOf() marks what concerns many sessions", () => {
  const events = ["session-opened", "operator-stop", "bypass-started", "agent-lost"]
    .map((type, time) => ({ type, time }));
  assert.deepEqual(marksOf(events, ({ type }) => type), [
    { atMs: 1, label: "S", text: "operator-stop" },
    { atMs: 3, label: "L", text: "agent-lost" },
  ]);
});
