import assert from "node:assert/strict";
import { EndpointHold, holdTimes, rememberHold } from "./instruction_hold.ts";

const LEASE_MS = 11_000;
const TIMES = { leaseMs: LEASE_MS, quarantineMs: 60_000 };

Deno.test("a table that was never there holds nothing back", () => {
  const loss = { isLost: false, isRestarted: false, uptimeMs: 1e7, ...TIMES };
  assert.deepEqual(holdTimes(loss), { endpointsMs: 0, datagramsMs: 0, silenceMs: 0 });
});

Deno.test("a lost table holds endpoints back for a whole lease, and those of UDP until they have rested", () => {
  const loss = { isLost: true, isRestarted: false, uptimeMs: 1e7, ...TIMES };
  const whole = { endpointsMs: LEASE_MS, datagramsMs: 60_000, silenceMs: LEASE_MS };
  assert.deepEqual(holdTimes(loss), whole);
  assert.deepEqual(holdTimes({ ...loss, uptimeMs: 3_000 }), whole, "the process was killed since");
  assert.equal(holdTimes({ ...loss, leaseMs: 0 }).datagramsMs, 60_000, "without agents too");
});

Deno.test("after a restart of the host only the rest of a lease counts, but agents are still waited for", () => {
  const loss = { isLost: true, isRestarted: true, uptimeMs: 20_000, ...TIMES };
  assert.deepEqual(holdTimes(loss), {
    endpointsMs: 0,
    datagramsMs: 40_000,
    silenceMs: LEASE_MS,
  });
  const noFiles = { isLost: false, isRestarted: false, uptimeMs: 4_000, ...TIMES };
  assert.deepEqual(holdTimes(noFiles), {
    endpointsMs: 7_000,
    datagramsMs: 56_000,
    silenceMs: LEASE_MS,
  });
});

Deno.test("a server gets sessions when its agent has connected, or when the lease is over", () => {
  const hold = new EndpointHold({
    endpointsMs: 1000,
    datagramsMs: 3000,
    silenceMs: 2000,
    now: 500,
  });
  const both = ["10.0.0.11", "10.0.0.12"];
  assert.deepEqual(both.map((it) => hold.allows(it, 600)), [false, false]);
  hold.heardFrom(["10.0.0.11"]);
  assert.deepEqual(both.map((it) => hold.allows(it, 600)), [true, false]);
  assert.deepEqual(both.map((it) => hold.allows(it, 1500)), [true, true]);
  assert.deepEqual([3499, 3500].map((now) => hold.allowsDatagrams(now)), [false, true]);
});

Deno.test("silence ends when every agent has spoken, or when its time is over", () => {
  const hold = new EndpointHold({ endpointsMs: 0, datagramsMs: 0, silenceMs: 2000, now: 500 });
  const both = ["10.0.0.11", "10.0.0.12"];
  hold.heardFrom(["10.0.0.11"]);
  assert.equal(hold.silentUntilMs(both, 600), 2500);
  assert.equal(hold.silentUntilMs(["10.0.0.11"], 600), 0);
  assert.equal(hold.silentUntilMs(both, 2500), 0);
});

Deno.test("a process that goes on with a new table waits for the rest of what its predecessor waited for", () => {
  const header = new Float64Array(64);
  rememberHold(header, { endpointsMs: 11_000, datagramsMs: 60_000, silenceMs: 11_000 }, 1_000);
  const after = (now: number) => rememberHold(header, null, now);
  assert.deepEqual(after(5_000), { endpointsMs: 7_000, datagramsMs: 56_000, silenceMs: 7_000 });
  assert.deepEqual(after(13_000), { endpointsMs: 0, datagramsMs: 48_000, silenceMs: 0 });
  assert.deepEqual(after(61_000), { endpointsMs: 0, datagramsMs: 0, silenceMs: 0 });
  header.fill(NaN);
  assert.deepEqual(after(0), { endpointsMs: 0, datagramsMs: 0, silenceMs: 0 });
});
