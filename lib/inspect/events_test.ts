import assert from "node:assert/strict";
import { Bench } from "./_test_support.ts";
import { formatEvent } from "./events.ts";
import { paintFor } from "./palette.ts";

const EVENTS = [
  { time: 1_700_000_000_123, type: "session-opened", session: "0016-1", client: "198.51.100.2:1" },
  { time: 1_700_000_001_000, type: "agent-lost", agent: "s1", reason: "no report", at: null },
];

Deno.test("events are an array for programs, a line each for people", async () => {
  await using bench = await Bench.make();
  await bench.nat({ events: EVENTS });
  assert.deepEqual(await bench.json("events"), EVENTS);
  const { exit, stdout } = await bench.inspect("events");
  assert.equal(exit, 0);
  const [first, second] = stdout.split("\n").map((line) =>
    line.slice("2026-01-31 23:59:59".length)
  );
  assert.equal(first, ".123  session-opened        session=0016-1  client=198.51.100.2:1");
  assert.equal(second, '.000  agent-lost            agent=s1  reason="no report"');
});

Deno.test("followed events come one a line, and the end of the daemon is told", async () => {
  await using bench = await Bench.make();
  await bench.nat({ follow: EVENTS });
  const { exit, stdout, stderr } = await bench.inspect("events", { follow: true, json: true });
  assert.deepEqual(stdout.trimEnd().split("\n").map((line) => JSON.parse(line)), EVENTS);
  assert.equal(exit, 1);
  assert.equal(stderr, "stopping\n");
});

Deno.test("an event is told in the time zone of the host", () => {
  const plain = paintFor({ colours: false });
  const noon = new Date(2026, 0, 31, 12, 5, 9, 7).getTime();
  const line = formatEvent({ time: noon, type: "reloaded" }, plain);
  assert.equal(line, "2026-01-31 12:05:09.007  reloaded");
});

Deno.test("a detail that is not one word is quoted, and cannot forge a line", () => {
  const plain = paintFor({ colours: false });
  const event = { time: 0, type: "refused", reason: 'a "b" c=d', agent: "x\n2026 reloaded" };
  const line = formatEvent(event, plain);
  assert.ok(line.endsWith('  reason="a \\"b\\" c=d"  agent="x?2026 reloaded"'), line);
});
