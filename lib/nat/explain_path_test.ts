import assert from "node:assert/strict";
import type { SessionView } from "../session/session_view.ts";
import type { ExplainContext } from "./explain.ts";
import { type DoubtedPath, expectedPath, pathSteps, type SessionEvent } from "./explain_path.ts";

const SERVER = "10.0.0.11:8080";
const START = { bytes: 65_536 };

interface Situation {
  readonly stoppedBy?: string;
  readonly draining?: boolean;
  readonly agent?: { connected: boolean; bypass: string; reason: string | null };
  readonly doubted?: readonly DoubtedPath[];
  readonly happened?: readonly SessionEvent[];
}

function context(situation: Situation): ExplainContext {
  return {
    config: { services: [{ name: "web", bypass: { start: START, stop: { idleMs: 60_000 } } }] },
    server: () => ({
      draining: situation.draining ?? false,
      agent: situation.agent ?? { connected: true, bypass: "able", reason: null },
    }),
    criteria: () => ({
      byteRate: null,
      packetRate: null,
      restriction: null,
      load: null,
      pauseMs: 0,
      instructionAgeMs: 3616,
      instructions: 1,
      limit: 100,
    }),
    stoppedBy: () => situation.stoppedBy ?? null,
    doubtedPaths: () => situation.doubted ?? [],
    happened: () => situation.happened ?? [],
  } as unknown as ExplainContext;
}

const session = (changes: Partial<SessionView> = {}): SessionView => ({
  id: "a-1",
  service: "web",
  client: "198.51.100.2:4000",
  server: SERVER,
  state: "established",
  path: "nat",
  reason: "start criteria not met",
  packets: { fromClient: 5, viaNat: 10, viaBypass: 0 },
  bytes: { fromClient: 500, viaNat: 70_000, viaBypass: 0 },
  ageMs: 83_000,
  idleMs: 20,
  pathMtu: null,
  instruction: null,
  ...changes,
} as SessionView);

/** Result and detail of a step. */
function step(name: string, situation: Situation, view: Partial<SessionView> = {}): string {
  const found = pathSteps(session(view), context(situation)).find((it) => it.step === name);
  return `${found?.result}: ${found?.detail}`;
}

const BACK = { packets: { fromClient: 5, viaNat: 10, viaBypass: 7 } };
const STOPPED = { type: "bypass-stopped", agoMs: 4200, reason: "stopped by the operator" };
const DECLINED = { type: "bypass-declined", agoMs: 900, reason: "the server is draining" };

Deno.test("since when a session is on its path is the last change, its beginning, or not known", () => {
  assert.equal(step("since", {}), "1m23s: since it began");
  assert.equal(
    step("since", { happened: [STOPPED, DECLINED] }, BACK),
    "4.2s: bypass-stopped 4.2s ago: stopped by the operator; " +
      "last event: bypass-declined 900ms ago: the server is draining",
  );
  assert.match(step("since", { happened: [DECLINED] }, BACK), /^not known: it has bypassed before/);
  assert.equal(
    step("since", {}, { path: "bypass" }),
    "3.6s: when its instruction took effect",
  );
});

Deno.test("what stands against a bypass is what has to be over", () => {
  const agent = { connected: true, bypass: "unable", reason: "ip_forward is off" };
  assert.equal(
    step("would change", {}),
    "to bypass: its next response, if nothing above speaks against it",
  );
  assert.equal(
    step("would change", { stoppedBy: "nat bypass stop --all", agent }),
    "to bypass: once this is over: nat bypass stop --all",
  );
  assert.equal(step("would change", { agent }), "to bypass: once this is over: ip_forward is off");
  assert.equal(
    step("would change", { draining: true }),
    `to bypass: once this is over: nat drain of ${SERVER}`,
  );
});

Deno.test("a breaker says how often it failed, and when it is tried again", () => {
  const doubted = [
    { path: "from 10.0.0.11", state: "closed", failures: 1, waitMs: 0 },
    { path: "from 10.0.0.11 to 198.51.100.0/24", state: "open", failures: 2, waitMs: 9100 },
  ] as const;
  assert.equal(
    step("direct path", { doubted }),
    "not used: from 10.0.0.11: 1 session in a row without progress, used; " +
      "from 10.0.0.11 to 198.51.100.0/24: 2 sessions in a row without progress, " +
      "tried with one session in 9.1s",
  );
  assert.match(step("would change", { doubted }), /the trial of its direct path in 9.1s$/);
  assert.match(step("direct path", { doubted: doubted.slice(0, 1) }), /^in doubt: /);
  assert.match(step("direct path", {}), /^trusted: /);
});

Deno.test("a session that would begin is told what keeps it via NAT", () => {
  const expected = (situation: Situation, start = {}) =>
    expectedPath(
      SERVER,
      { client: "198.51.100.2:4000", service: "web", start: { ...START, ...start } },
      context(situation),
    ).verdict;
  const agent = { connected: false, bypass: "unknown", reason: null };
  assert.equal(expected({}), "until the start criteria are met");
  assert.equal(expected({}, { never: true }), "never bypassing, by configuration");
  assert.equal(expected({}, { immediately: true }), "until it is established");
  assert.equal(expected({ stoppedBy: "nat bypass stop --all" }), "stopped by the operator");
  assert.equal(expected({ draining: true }), "while the server is draining");
  assert.equal(expected({ agent }), "while its agent cannot bypass");
});
