import assert from "node:assert/strict";
import type { FlowResult } from "./checked_traffic.ts";
import { checkFlows, type FlowLimits } from "./flow_checks.ts";
import { Report } from "./report.ts";

const FLOW: FlowResult = {
  name: "download",
  kind: "download",
  service: "flow",
  server: "s1",
  to: "203.0.113.10:90",
  seed: 1,
  rate: 1000,
  bypasses: true,
  local: "198.51.100.2:40000",
  bytes: 1_000_000,
  wrong: 0,
  complete: true,
  error: null,
  stillMs: 0,
  longestPauseMs: 100,
  quietPauseMs: 10,
  retransmitted: 0,
};
const COUNTS = { sent: 100, received: 100, lost: 0, doubled: 0, reordered: 3, gaps: [] };
const STREAM: FlowResult = { ...FLOW, name: "stream", kind: "datagrams", datagrams: COUNTS };
const LIMITS: FlowLimits = { pauseMs: () => 3_000, lost: () => 5 };

/** The claims that do not hold. */
function broken(flows: readonly FlowResult[], limits = LIMITS): string[] {
  const report = new Report({ silent: true });
  checkFlows(report, flows, limits);
  return report.checks.filter((check) => !check.holds).map((check) => check.found ?? check.claim);
}

Deno.test("checkFlows() holds for flows without harm", () => {
  assert.deepEqual(broken([FLOW, STREAM]), []);
});

Deno.test("checkFlows() finds a wrong byte, a flow cut short and one that hung", () => {
  const [found] = broken([
    { ...FLOW, name: "a", wrong: 1 },
    { ...FLOW, name: "b", complete: false, error: "the stream was cut short" },
    { ...FLOW, name: "c", complete: false, error: "hung: no end" },
  ]);
  assert.equal(found, "a: 1 pieces wrong; b: the stream was cut short; c: hung: no end");
});

Deno.test("checkFlows() finds the pause that is too long, whatever others may", () => {
  const limits = { ...LIMITS, pauseMs: (flow: FlowResult) => flow.name === "slow" ? 9_000 : 3_000 };
  const slow = { ...FLOW, name: "slow", longestPauseMs: 8_000 };
  assert.deepEqual(broken([slow, FLOW], limits), []);
  const found = broken([slow, { ...FLOW, longestPauseMs: 3_001 }], limits);
  assert.deepEqual(found, ["download: 3.00 s of 3.00 s"]);
});

Deno.test("checkFlows() finds datagrams lost beyond the limit, doubled and changed", () => {
  for (
    const bad of [
      { ...STREAM, datagrams: { ...COUNTS, received: 94, lost: 6 } },
      { ...STREAM, datagrams: { ...COUNTS, doubled: 1 } },
      { ...STREAM, wrong: 1 },
    ]
  ) assert.equal(broken([FLOW, bad]).length, 1);
  assert.deepEqual(
    broken([{ ...STREAM, datagrams: { ...COUNTS, received: 95, lost: 5 } }, FLOW]),
    [],
  );
});

Deno.test("checkFlows() lets a flow end that may break, but neither hang nor others end", () => {
  const mayBreak = (flow: { readonly name: string }) => flow.name === "unknown";
  const reset = { ...FLOW, complete: false, error: "Connection reset by peer" };
  assert.deepEqual(broken([FLOW, { ...reset, name: "unknown" }], { ...LIMITS, mayBreak }), []);
  const hung = { ...reset, name: "unknown", error: "hung: no end" };
  assert.equal(broken([FLOW, hung], { ...LIMITS, mayBreak }).length, 1);
  assert.equal(broken([FLOW, reset], { ...LIMITS, mayBreak }).length, 1);
});
