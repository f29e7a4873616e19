import assert from "node:assert/strict";
import { parseLoad, parseRate } from "../config/rate.ts";
import type { SessionView } from "../session/session_view.ts";
import { REASON } from "../session/path_reason.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { changeStep, type CriteriaFacts, startSteps, stopStep } from "./explain_criteria.ts";

const session = (changes: Partial<SessionView> = {}): SessionView => ({
  id: "a-1",
  service: "web",
  protocol: "tcp",
  client: "198.51.100.2:4000",
  vip: "203.0.113.10:80",
  nat: "10.0.1.1:2000",
  server: "10.0.0.11:8080",
  state: "established",
  path: "nat",
  reason: "start criteria not met",
  packets: { fromClient: 5, viaNat: 10, viaBypass: 0 },
  bytes: { fromClient: 500, viaNat: 7000, viaBypass: 0 },
  ageMs: 3000,
  idleMs: 20,
  pathMtu: null,
  instruction: null,
  ...changes,
} as SessionView);

const facts = (changes: Partial<CriteriaFacts> = {}): CriteriaFacts => ({
  byteRate: null,
  packetRate: null,
  restriction: null,
  load: null,
  pauseMs: 0,
  instructionAgeMs: 0,
  instructions: 3,
  limit: 100,
  ...changes,
});

Deno.test("each criterion says what it sees out of what it needs", () => {
  const start = {
    bytes: 65_536,
    rate: parseRate("8kbit/s"),
    all: [{ packets: 5 }, { ageMs: 9000 }],
  };
  const [step] = startSteps(start, session(), facts({ byteRate: 250.4 }));
  assert.deepEqual(step, {
    step: "start criteria",
    result: "bytes 65536 or rate 1000 bytes/s or all of (packets 5, age 9000 ms)",
    detail: "bytes 7000 of 65536: not met; rate 250 of 1000 bytes/s: not met; " +
      "all of (packets 10 of 5: met, age 3000 of 9000 ms: not met): 1 of 2 met; " +
      "10 packets and 7000 bytes via NAT so far",
  });
  assert.equal(
    changeStep({ start, stop: {} }, session(), facts({ byteRate: 250.4 })).detail,
    "bytes 65536 (now 7000) or rate 1000 bytes/s (now 250) or age 9000 ms (now 3000)",
  );
});

Deno.test("what restricts the criteria is told with what is measured", () => {
  const start = {
    bytes: 1,
    clients: [parsePrefix("10.0.0.0/8")],
    load: parseLoad("50%"),
  };
  const restriction = { reason: REASON.load, value: 0, mayChange: true };
  const steps = startSteps(start, session(), facts({ restriction, load: 0.123 }));
  assert.deepEqual(steps[1], {
    step: "restrictions",
    result: "the NAT machine's load is below the configured one",
    detail: "clients in 10.0.0.0/8; load 12.3%, needs more than 50%",
  });
  assert.equal(
    changeStep({ start, stop: {} }, session(), facts({ restriction, pauseMs: 700 })).detail,
    "once this changes: the NAT machine's load is below the configured one, asked again in 700ms",
  );
});

Deno.test("a full agent, a pause, an end: each is what would have to change", () => {
  const change = (view: Partial<SessionView>, more: Partial<CriteriaFacts> = {}) =>
    changeStep({ start: { bytes: 1 }, stop: { idleMs: 5000 } }, session(view), facts(more)).detail;
  assert.match(change({}, { instructions: 100 }), /^a place: its agent has 100 of 100 instruct/);
  const instruction = { generation: 8, state: "installed", leaseMs: 4062 } as const;
  assert.equal(
    change({ instruction }),
    "the agent's word on instruction 8, or the end of its lease in 4.1s",
  );
  assert.equal(change({}, { pauseMs: 900 }), "the end of its pause, asked again in 900ms");
  assert.equal(change({}), "its next response, if nothing above speaks against it");
  assert.equal(change({ state: "closed" }), "nothing: the session is over");
  assert.equal(
    change({ path: "bypass" }),
    "idle 5000 ms, an operator's stop, draining, or its agent",
  );
});

Deno.test("the stop criteria say how near they are", () => {
  const stop = { idleMs: 5000, rate: parseRate("100/s"), forMs: 2000, ageMs: 60_000 };
  const of = facts({ packetRate: 150.2, instructionAgeMs: 7000 });
  assert.deepEqual(stopStep(stop, session({ path: "bypass" }), of), {
    step: "stop criteria",
    result: "idle 5000 ms or rate below 100 packets/s for 2000 ms or instruction age 60000 ms",
    detail: "idle 20ms of 5s; rate 150, stops below 100 packets/s; " +
      "instruction age 7s of 1m",
  });
});
