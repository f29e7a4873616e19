import assert from "node:assert/strict";
import type { EventView } from "../answers.ts";
import { newestEvents } from "./newest_events.ts";

const lost: EventView = { time: 0, type: "agent-lost", agent: "s1" };
const opened = (time: number): EventView => ({ time, type: "session-opened", session: `${time}` });

Deno.test("newestEvents() keeps what concerns many while sessions come and go", () => {
  const kept = newestEvents([lost, ...Array.from({ length: 5000 }, (_, i) => opened(i + 1))]);
  assert.deepEqual(kept[0], lost);
  assert.deepEqual(kept.slice(1), Array.from({ length: 100 }, (_, i) => opened(i + 4901)));
});

Deno.test("newestEvents() keeps so many of what concerns many, too", () => {
  const kept = newestEvents(Array.from({ length: 300 }, (_, time) => ({ ...lost, time })));
  assert.deepEqual(kept.map(({ time }) => time), Array.from({ length: 100 }, (_, i) => i + 200));
});
