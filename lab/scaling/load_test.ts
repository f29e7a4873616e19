import assert from "node:assert/strict";
import { breakEvenBytes, type Costs, costsOf } from "./costs.ts";
import { ASSUMED_VALUES, type Values } from "./inputs.ts";
import { carriedBy, loadOf } from "./load.ts";

const COSTS: Costs = {
  kernelFactor: 1,
  viaNatByte: 1e-9,
  bypassedByte: 0.25e-9,
  session: 1e-4,
  instruction: 3e-4,
  instructionsPerSecond: 1000,
  agentByte: 0.5e-9,
  overshootBytes: 100,
};
const EVERYTHING = { cores: 1, agents: Infinity };
const FREE = { ...ASSUMED_VALUES, furtherCore: 1, acknowledged: 0, linkGbit: 1e6, serverGbit: 10 };

Deno.test("a session above the threshold passes until it is met and while it is switched", () => {
  const load = loadOf(Float64Array.of(500, 1000, 1050, 8000), 1000, COSTS);
  assert.equal(load.instructed, 2 / 4);
  assert.equal(load.viaNat, (500 + 1000 + 1050 + 1100) / 10_550);
  assert.equal(load.instructionsPerGigabyte, 2 / 10_550 * 1e9);
  const seconds = 4e-4 + 2 * 3e-4 + 3650e-9 + 6900 * 0.25e-9;
  assert.ok(Math.abs(load.secondsPerGigabyte / (seconds / 10_550 * 1e9) - 1) < 1e-12);
});

Deno.test("never takes no instruction, immediately one for each session", () => {
  const sizes = Float64Array.of(50, 8000);
  const never = loadOf(sizes, Infinity, COSTS);
  assert.deepEqual([never.viaNat, never.instructed], [1, 0]);
  const immediately = loadOf(sizes, 0, COSTS);
  assert.deepEqual([immediately.viaNat, immediately.instructed], [150 / 8050, 1]);
});

Deno.test("an instruction saves time exactly when more is left than the break-even", () => {
  const left = breakEvenBytes(COSTS);
  assert.ok(Math.abs(left - 400_000) < 1e-6);
  for (const [more, cheaper] of [[1000, true], [-1000, false]] as const) {
    const sizes = Float64Array.of(COSTS.overshootBytes + left + more);
    const saved = loadOf(sizes, Infinity, COSTS).secondsPerGigabyte -
      loadOf(sizes, 0, COSTS).secondsPerGigabyte;
    assert.equal(saved > 0, cheaper);
  }
  assert.equal(breakEvenBytes({ ...COSTS, bypassedByte: 2e-9 }), Infinity);
});

Deno.test("what gives out first is what bounds the load", () => {
  const large = loadOf(Float64Array.of(1e7), 0, COSTS);
  const cores = carriedBy(large, EVERYTHING, COSTS, FREE);
  assert.equal(cores.limit, "cores");
  assert.ok(Math.abs(cores.gbit - 8 / large.secondsPerGigabyte) < 1e-9);
  const load = loadOf(Float64Array.of(1e6), 0, COSTS);
  const control = carriedBy(load, { ...EVERYTHING, cores: 100 }, COSTS, FREE);
  assert.equal(control.limit, "control");
  assert.ok(Math.abs(control.gbit - 8) < 1e-9, "1000 sessions a second of 1 MB");
  const servers = carriedBy(load, { cores: 1, agents: 1 }, COSTS, { ...FREE, serverGbit: 2 });
  assert.deepEqual(servers, { gbit: 2, limit: "servers" });
  const link = carriedBy(loadOf(Float64Array.of(1e6), Infinity, COSTS), EVERYTHING, COSTS, {
    ...FREE,
    linkGbit: 1,
    acknowledged: 0.25,
  });
  assert.deepEqual(link, { gbit: 0.8, limit: "link" });
});

Deno.test("an agent's one worker bounds what a server sends, but not when nothing is bypassed", () => {
  const assumed = { ...FREE, serverGbit: 100 };
  const one = { cores: 1000, agents: 1 };
  const costs = { ...COSTS, instructionsPerSecond: 1e9 };
  const sizes = Float64Array.of(1e6);
  assert.deepEqual(carriedBy(loadOf(sizes, 0, costs), one, costs, assumed).gbit, 16);
  assert.deepEqual(carriedBy(loadOf(sizes, Infinity, costs), one, costs, assumed).gbit, 100);
});

Deno.test("costs come from the figures as the document says", () => {
  const values: Values = {
    viaNatTime: 0.5,
    bypassTime: 0.2,
    agentTime: 0.4,
    hostTime: 2,
    directTime: 1,
    sessionRate: 10_000,
    packetIn: 12e-6,
    packetOut: 8e-6,
    connections: 4000,
    instructedConnections: 2000,
    switchTime: 4e-3,
    baseMemory: 1e8,
    sessionMemory: 160,
  };
  const costs = costsOf(values, { ...ASSUMED_VALUES, natPart: 0.5, packets: 12 }, 2);
  const close = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual}, expected ${expected}`);
  close(costs.kernelFactor, 2);
  close(costs.viaNatByte, 1e-9);
  close(costs.bypassedByte, 0.4e-9);
  close(costs.session, 2 * (100e-6 + 10 * 10e-6));
  close(costs.instruction, 0.5 * 2 * 250e-6);
  close(costs.overshootBytes, 50_000);
  // Roads whose turns lie so far apart that the difference is none.
  const odd = costsOf(
    { ...values, hostTime: 0.9, instructedConnections: 5000 },
    ASSUMED_VALUES,
    2,
  );
  assert.deepEqual([odd.kernelFactor, odd.instruction], [1, 0]);
});
