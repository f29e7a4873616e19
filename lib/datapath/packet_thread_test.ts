import assert from "node:assert/strict";
import { PacketThread } from "./packet_thread.ts";
import type { EventsStart } from "./_test_events_worker.ts";

const WORKER = "lib/datapath/_test_events_worker.ts";
/** At half a millisecond each they take several turns of the main thread. */
const EVENTS = 200;
const EVENT_MS = 0.5;

Deno.test("events are handled in order, and others get their turn between them", async () => {
  const seen: number[] = [];
  const seenAtTurn: number[] = [];
  const all = Promise.withResolvers<void>();
  const thread = new PacketThread({
    path: WORKER,
    events: 256,
    commands: 16,
    onEvent: (event) => {
      seen.push(event);
      const until = performance.now() + EVENT_MS;
      while (performance.now() < until);
      if (seen.length === EVENTS) all.resolve();
    },
    onFailure: (message) => all.reject(new Error(message)),
  });
  await thread.loaded;
  const others = setInterval(() => seenAtTurn.push(seen.length), 1);
  const start: EventsStart = { kind: "start", shared: thread.shared, events: EVENTS };
  await thread.start(start);
  await all.promise;
  clearInterval(others);
  await thread.stop();
  assert.deepEqual(seen, Array.from({ length: EVENTS }, (_, n) => n));
  const between = seenAtTurn.filter((count) => count > 0 && count < EVENTS);
  assert.ok(new Set(between).size >= 3, `others had a turn after ${between} events`);
});

Deno.test("a worker that was not started can be ended", async () => {
  const failures: string[] = [];
  const thread = new PacketThread({
    path: WORKER,
    events: 16,
    commands: 16,
    onEvent: () => {},
    onFailure: (message) => failures.push(message),
  });
  await thread.loaded;
  thread.terminate();
  assert.deepEqual(failures, []);
});
