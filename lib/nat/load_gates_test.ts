import assert from "node:assert/strict";
import type { NatConfig } from "../config/nat_config.ts";
import { type Load, parseLoad } from "../config/rate.ts";
import { COUNTER, makeCounters } from "../session/counters.ts";
import { LoadGates } from "./load_gates.ts";

/** One service for each load. */
function config(...loads: (string | undefined)[]): NatConfig {
  const start = (load: Load | undefined) => ({ bytes: 1, ...(load && { load }) });
  return {
    services: loads.map((text) => ({
      bypass: { start: start(text === undefined ? undefined : parseLoad(text)), stop: {} },
    })),
  } as unknown as NatConfig;
}

function gatesOf(...loads: (string | undefined)[]) {
  const counters = makeCounters();
  const gates = new LoadGates([counters], config(...loads));
  let nowMs = 1000;
  return {
    gates,
    closed: () => [...gates.closed.slice(0, loads.length)],
    /** Lets seconds pass, with so much in each. */
    pass(seconds: number, each: { bytes?: number; packets?: number; busyMs?: number }) {
      for (let n = 0; n < seconds; n++) {
        gates.look(nowMs);
        nowMs += 1000;
        counters[COUNTER.bytesForwarded]! += each.bytes ?? 0;
        counters[COUNTER.forwarded]! += each.packets ?? 0;
        counters[COUNTER.busyMs]! += each.busyMs ?? 0;
      }
      gates.look(nowMs);
    },
  };
}

Deno.test("a gate is closed until more is carried than the service asks for, and closes again", () => {
  const { pass, closed } = gatesOf("8Mbit/s", "1000/s", "50%", undefined);
  assert.deepEqual(closed(), [1, 1, 1, 0]);
  pass(5, { bytes: 0.9e6, packets: 900, busyMs: 400 });
  assert.deepEqual(closed(), [1, 1, 1, 0]);
  pass(5, { bytes: 1.5e6 });
  assert.deepEqual(closed(), [0, 1, 1, 0]);
  pass(8, { packets: 1500 });
  assert.deepEqual(closed(), [1, 0, 1, 0]);
  pass(8, { busyMs: 700 });
  assert.deepEqual(closed(), [1, 1, 0, 0]);
});

Deno.test("one second of much does not open a gate for long", () => {
  const { pass, closed } = gatesOf("8Mbit/s");
  pass(1, { bytes: 3e6 });
  assert.deepEqual(closed(), [0]);
  pass(2, {});
  assert.deepEqual(closed(), [1]);
});

Deno.test("another configuration has gates of its own", () => {
  const { gates, pass, closed } = gatesOf(undefined, "8Mbit/s");
  pass(5, { bytes: 5e6 });
  assert.deepEqual(closed(), [0, 0]);
  gates.configure(config("800Mbit/s", "8Mbit/s"));
  assert.deepEqual(closed(), [1, 0]);
  gates.configure(config());
  assert.deepEqual(closed(), [0, 0]);
});

Deno.test("the load is told in the terms in which it was asked for", () => {
  const { gates, pass } = gatesOf("50%");
  pass(12, { bytes: 1000, packets: 10, busyMs: 250 });
  const near = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual - expected) < expected / 100, `${actual}, expected ${expected}`);
  near(gates.measured(parseLoad("1bit/s")), 1000);
  near(gates.measured(parseLoad("1/s")), 10);
  near(gates.measured(parseLoad("1%")), 0.25);
});
