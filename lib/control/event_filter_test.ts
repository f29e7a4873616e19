import assert from "node:assert/strict";
import { AdminError } from "./admin_protocol.ts";
import { eventFilter } from "./event_filter.ts";

const EVENTS = [
  { time: 1, type: "session-opened", session: "a-1", service: "web", client: "198.51.100.2:4000" },
  { time: 2, type: "bypass-started", session: "a-1", service: "web", server: "10.0.0.11:8080" },
  { time: 3, type: "bypass-stopped", session: "a-2", service: "dns", server: "10.0.0.12:53" },
  { time: 4, type: "draining", server: "10.0.0.11" },
  { time: 5, type: "agent-lost", agent: "s1" },
];

const times = (filter: Record<string, unknown>) =>
  EVENTS.filter(eventFilter({ verb: "events", ...filter })).map(({ time }) => time);

Deno.test("events are chosen by type, and by the beginning of one", () => {
  assert.deepEqual(times({}), [1, 2, 3, 4, 5]);
  assert.deepEqual(times({ types: ["bypass"] }), [2, 3]);
  assert.deepEqual(times({ types: ["bypass-stopped", "agent"] }), [3, 5]);
  assert.deepEqual(times({ types: ["byp"] }), []);
});

Deno.test("events are chosen by what they are about; all that is asked must be true", () => {
  assert.deepEqual(times({ session: "a-1" }), [1, 2]);
  assert.deepEqual(times({ service: "dns" }), [3]);
  assert.deepEqual(times({ client: "198.51.100.0/24" }), [1]);
  assert.deepEqual(times({ server: "10.0.0.11" }), [2, 4]);
  assert.deepEqual(times({ server: ":53" }), [3]);
  assert.deepEqual(times({ agent: "s1" }), [5]);
  assert.deepEqual(times({ session: "a-1", types: ["bypass"] }), [2]);
});

Deno.test("a request that cannot be read is refused", () => {
  assert.throws(() => times({ types: "bypass" }), AdminError);
  assert.throws(() => times({ client: "nobody" }), /Cannot select events by client "nobody"/);
});
