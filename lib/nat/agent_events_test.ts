import assert from "node:assert/strict";
import { EventLog } from "../control/event_log.ts";
import { AgentEvents } from "./agent_events.ts";

function fixture() {
  const clock = { now: 0 };
  const log = new EventLog({ capacity: 100, now: () => clock.now });
  return { clock, log, events: new AgentEvents(log, () => clock.now) };
}

Deno.test("an agent that changes its mind again and again does not fill the log", () => {
  const { clock, log, events } = fixture();
  for (let i = 0; i < 1_000; i++) events.add("agent-unable", "s1", { reason: "x" });
  assert.equal(log.kept.length, 20);
  events.add("agent-unable", "s2", { reason: "x" });
  assert.equal(log.kept.at(-1)?.agent, "s2");
  clock.now = 10_000;
  events.add("agent-unable", "s1", { reason: "x" });
  assert.deepEqual(log.kept.at(-1), {
    time: 10_000,
    type: "agent-unable",
    agent: "s1",
    reason: "x",
    untold: 980,
  });
});

Deno.test("connections that come to nothing are counted, and told by the address they come from", () => {
  const { log, events } = fixture();
  for (let port = 1; port <= 100; port++) {
    events.refused({ from: `10.0.0.9:${port}`, name: null, reason: "no" });
    events.refused({ from: `[2001:db8::9]:${port}`, name: null, reason: "no" });
  }
  assert.equal(events.counts.refused, 200);
  assert.equal(log.kept.length, 40);
});

Deno.test("whoever has any number of addresses does not fill the log either, and agents are told as before", () => {
  const clock = { now: 0 };
  const log = new EventLog({ capacity: 100_000, now: () => clock.now });
  const events = new AgentEvents(log, () => clock.now);
  for (let i = 0; i < 100_000; i++) {
    const from = `[2001:db8:${(i >> 8).toString(16)}::${(i & 0xff).toString(16)}]:4000`;
    events.refused({ from, name: null, reason: "no" });
  }
  assert.ok(log.kept.length <= 70, `${log.kept.length} events`);
  events.refused({ from: "10.0.0.9:4000", name: "s1", reason: "no" });
  assert.equal(log.kept.at(-1)?.agent, "s1");
});

Deno.test("an agent that is held back is counted", () => {
  const { log, events } = fixture();
  events.heldBack("s1");
  assert.equal(events.counts.heldBack, 1);
  assert.equal(log.kept[0]?.type, "agent-held-back");
});
