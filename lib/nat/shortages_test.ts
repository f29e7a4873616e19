import assert from "node:assert/strict";
import { EventLog } from "../control/event_log.ts";
import { COUNTER, COUNTERS } from "../session/counters.ts";
import { DROP } from "../session/drop_reason.ts";
import { Shortages } from "./shortages.ts";

Deno.test("a shortage is told with what to enlarge, and not again at once", () => {
  const counters = new Float64Array(COUNTERS);
  const events = new EventLog({ capacity: 10, now: () => 0 });
  const shortages = new Shortages(() => counters, events);
  shortages.look(0);
  assert.equal(events.kept.length, 0);
  counters[COUNTER.drops + DROP.noPort] = 5;
  shortages.look(1_000);
  counters[COUNTER.drops + DROP.noPort] = 7;
  shortages.look(2_000);
  assert.deepEqual(events.kept.map(({ type, refused }) => [type, refused]), [
    ["ports-exhausted", 5],
  ]);
  assert.match(String(events.kept[0]!.advice), /SNAT addresses/);
  shortages.look(11_000);
  assert.equal(events.kept[1]!.refused, 2);
});
