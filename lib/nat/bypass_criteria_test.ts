import assert from "node:assert/strict";
import fc from "fast-check";
import type { Expression } from "../config/expression.ts";
import { readExpression } from "../config/expression.ts";
import { parseRate } from "../config/rate.ts";
import { COUNTER } from "../session/counters.ts";
import { REASON } from "../session/path_reason.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { bypassConfig, BypassWorld } from "./_test_bypass.ts";

const BYTES = 1000;
const RATE = parseRate("8kbit/s");

Deno.test("an obstacle declines a session, which is asked about again after its pause", () => {
  using world = new BypassWorld({ start: { bytes: BYTES } });
  const asked: number[] = [];
  let objects = true;
  world.control.obstacles.push((slot) => {
    asked.push(slot);
    return objects ? { reason: REASON.draining, value: 0, retryMs: 3000 } : null;
  });
  const slot = world.session();
  world.send(slot, BYTES);
  assert.equal(world.reason(slot), "the server is draining");
  assert.deepEqual([world.isArmed(slot), world.bypasses(slot)], [false, false]);
  world.pass(2);
  world.send(slot, BYTES);
  assert.deepEqual(asked, [slot]);
  world.pass(2);
  assert.equal(world.isArmed(slot), true);
  objects = false;
  world.send(slot, BYTES);
  assert.deepEqual([asked, world.bypasses(slot)], [[slot, slot], true]);
  assert.deepEqual(world.told("bypass-declined").map((it) => it.reason), [
    "the server is draining",
  ]);
});

Deno.test("a session that others stop rests until the time that they say, whatever agents say", () => {
  using world = new BypassWorld({ start: { bytes: BYTES } });
  const slot = world.session();
  world.send(slot, BYTES);
  assert.ok(world.bypasses(slot));
  const notBeforeMs = world.nowMs + 5000;
  world.control.stopSession(slot, REASON.serverDown, 0, { rearm: true, notBeforeMs });
  world.pass(2);
  assert.deepEqual([world.bypasses(slot), world.reason(slot)], [false, "the server is down"]);
  world.control.reconsider(() => true);
  assert.equal(world.isArmed(slot), false);
  world.pass(4);
  assert.equal(world.isArmed(slot), true);
  world.send(slot, 1);
  assert.ok(world.bypasses(slot));
});

Deno.test("stopping a session without an instruction does nothing, and twice does it once", () => {
  using world = new BypassWorld({ start: { bytes: BYTES } });
  const slot = world.session();
  world.control.stopSession(slot, REASON.serverDown, 0, { rearm: true });
  assert.equal(world.reason(slot), "start criteria not met");
  world.send(slot, BYTES);
  world.acknowledges = false;
  world.control.stopSession(slot, REASON.serverDown, 0, { rearm: false });
  world.control.stopSession(slot, REASON.draining, 0, { rearm: true });
  world.acknowledges = true;
  world.pass(1);
  assert.deepEqual([world.reason(slot), world.isArmed(slot)], ["the server is down", false]);
});

Deno.test("a client or a server that is not allowed is declined for good", () => {
  const clients = [parsePrefix("198.51.100.0/28")];
  using world = new BypassWorld({ start: { bytes: BYTES, clients } });
  const [inside, outside] = [world.session(), world.session("198.51.100.77:4000")];
  for (const slot of [inside, outside]) world.send(slot, BYTES);
  assert.deepEqual([world.bypasses(inside), world.bypasses(outside)], [true, false]);
  assert.equal(world.reason(outside), "the client is not among those allowed");
  world.pass(100);
  assert.equal(world.isArmed(outside), false);

  using other = new BypassWorld({ start: { bytes: BYTES, servers: ["10.0.0.12"] } });
  const slot = other.session();
  other.send(slot, BYTES);
  assert.equal(other.reason(slot), "the server is not among those allowed");
  other.control.configure(bypassConfig({ start: { bytes: BYTES, servers: ["10.0.0.11"] } }));
  other.send(slot, 1);
  assert.ok(other.bypasses(slot), "another configuration decides again");
});

Deno.test("a session that crosses while the machine carries too little waits for the load", () => {
  const load = parseRate("8Mbit/s");
  using world = new BypassWorld({ start: { bytes: BYTES, load } });
  const slot = world.session();
  world.send(slot, BYTES);
  assert.equal(world.reason(slot), "the NAT machine's load is below the configured one");
  world.pass(10, () => world.counters[COUNTER.bytesForwarded]! += 2e6);
  world.send(slot, 1);
  assert.ok(world.bypasses(slot));
});

Deno.test("an expression is asked once a crossing, and a false one again after growing pauses", () => {
  const asked: number[] = [];
  let answer: ReturnType<Expression["evaluate"]> = false;
  const where: Expression = {
    text: "",
    metered: false,
    evaluate: () => {
      asked.push(world.nowMs);
      return answer;
    },
    toJSON: () => "",
  };
  using world = new BypassWorld({ start: { bytes: BYTES, where } });
  const slot = world.session();
  world.pass(300, () => world.send(slot, BYTES));
  const pauses = asked.slice(1).map((at, i) => (at - asked[i]!) / 1000);
  assert.ok(pauses.length < 15, `${pauses.length} times asked`);
  assert.deepEqual(pauses.slice(0, 6), [1, 2, 4, 8, 16, 32]);
  assert.ok(pauses.slice(6).every((pause) => pause >= 60 && pause <= 62), pauses.join(" "));
  assert.equal(world.reason(slot), "the where expression is false");
  assert.equal(world.told("bypass-declined").length, 1, "the same reason is told once");
  answer = { error: "int divide by zero" };
  world.pass(62, () => world.send(slot, BYTES));
  assert.equal(world.reason(slot), "the where expression cannot be evaluated");
  assert.equal(world.facts(slot).restriction?.error, "int divide by zero");
  assert.equal(world.told("bypass-declined").at(-1)?.detail, "int divide by zero");
  answer = true;
  world.pass(62, () => world.send(slot, BYTES));
  assert.ok(world.bypasses(slot));
});

Deno.test("an expression sees what the session is", () => {
  const where = readExpression(
    "client == '198.51.100.9' && clientPort == 4000 && vip == '203.0.113.10' && vipPort == 80 && " +
      "server == '10.0.0.11' && serverPort == 8080 && service == 'web' && protocol == 'tcp' && " +
      "packets == 3 && bytes == 1500 && ageMs == 2000 && rate > 300.0",
  );
  using world = new BypassWorld({ start: { bytes: 1500, where } });
  const slot = world.session("198.51.100.9:4000");
  world.pass(2, () => world.send(slot, 500));
  world.send(slot, 500);
  assert.ok(world.bypasses(slot), world.reason(slot));
});

Deno.test("an event tells a session's rate where one is measured, and never that of the slot's last session", () => {
  for (const [rate, told] of [[parseRate("80kbit/s"), 10_000], [undefined, undefined]] as const) {
    using world = new BypassWorld({ start: { bytes: BYTES, ...(rate && { rate }) } });
    const slot = world.session();
    world.rates.sample(slot, world.nowMs, 0, 0);
    // So long after that nothing is left of what was measured before.
    world.rates.sample(slot, world.nowMs + 60_000, 0, 600_000);
    world.cross(slot);
    assert.equal(world.told("bypass-started", slot)[0]!.rate, told);
  }
});

Deno.test("a rate below the bound for the whole time stops, one look above it does not", () => {
  using world = new BypassWorld({
    start: { bytes: BYTES },
    stop: { rate: RATE, forMs: 5000 },
  });
  const [steady, slow, swinging] = [world.session(), world.session(), world.session()];
  for (const slot of [steady, slow, swinging]) world.send(slot, BYTES);
  let second = 0;
  world.pass(30, () => {
    world.send(steady, 1500);
    world.send(slow, 100);
    // A rate of about 1000 in the middle, far above and below it in turn.
    world.send(swinging, second++ % 8 < 3 ? 4000 : 10);
  });
  assert.deepEqual([steady, slow, swinging].map((slot) => world.bypasses(slot)), [
    true,
    false,
    true,
  ]);
  assert.equal(world.reason(slow), "rate below 1000 bytes/s");
  const [stopped] = world.told("bypass-stopped", slow);
  assert.equal(stopped?.why, "rate below 1000 bytes/s");
});

Deno.test("a session stopped for its low rate starts again when it is fast again, and not before", () => {
  using world = new BypassWorld({
    start: { bytes: BYTES },
    stop: { rate: RATE, forMs: 3000 },
  });
  const slot = world.session();
  world.send(slot, BYTES);
  world.pass(60, () => world.send(slot, 500));
  assert.deepEqual([world.bypasses(slot), world.reason(slot)], [false, "rate below 1000 bytes/s"]);
  assert.equal(world.told("bypass-started", slot).length, 1, "it did not flap");
  world.pass(10, () => world.send(slot, 5000));
  assert.ok(world.bypasses(slot));
  assert.equal(world.told("bypass-started", slot).length, 2);
});

Deno.test("an agent that does not report says nothing about a rate", () => {
  using world = new BypassWorld({
    start: { bytes: BYTES },
    stop: { rate: RATE, forMs: 2000 },
  });
  const slot = world.session();
  world.send(slot, BYTES);
  world.pass(4, () => world.send(slot, 5000));
  world.reports = false;
  world.pass(8, () => world.send(slot, 5000));
  assert.ok(world.bypasses(slot), world.reason(slot));
});

Deno.test("an instruction that has its age ends, and its session rests for a tenth of it", () => {
  using world = new BypassWorld({ start: { bytes: BYTES }, stop: { ageMs: 30_000 } });
  const slot = world.session();
  world.send(slot, BYTES);
  world.pass(29, () => world.send(slot, BYTES));
  assert.ok(world.bypasses(slot));
  assert.equal(world.facts(slot).instructionAgeMs, 29_000);
  world.pass(1, () => world.send(slot, BYTES));
  assert.equal(world.reason(slot), "instruction age 30000 ms reached");
  world.pass(2, () => world.send(slot, BYTES));
  assert.ok(!world.bypasses(slot));
  world.pass(3, () => world.send(slot, BYTES));
  assert.ok(world.bypasses(slot));
});

Deno.test("at the limit the busiest sessions have the instructions", () => {
  using world = new BypassWorld({ start: { bytes: BYTES }, instructions: 2 });
  const slots = [world.session(), world.session(), world.session(), world.session()];
  const rates = [5000, 20_000, 6000, 50_000];
  world.pass(40, () => slots.forEach((slot, i) => world.send(slot, rates[i]!)));
  assert.deepEqual(slots.map((slot) => world.bypasses(slot)), [false, true, false, true]);
  assert.equal(world.reason(slots[2]!), "the agent has its 2 instructions");
  const why = world.told("bypass-stopped", slots[0]).map((it) => it.why);
  assert.deepEqual(why, ["a busier session needed one of the agent's 2 places"]);
  const stops = world.told("bypass-stopped").length;
  world.pass(60, () => slots.forEach((slot, i) => world.send(slot, rates[i]!)));
  assert.equal(world.told("bypass-stopped").length, stops, "nothing changes any more");
});

Deno.test("sessions that are nearly as busy do not take places from each other", () => {
  using world = new BypassWorld({ start: { bytes: BYTES }, instructions: 2 });
  const slots = [world.session(), world.session(), world.session(), world.session()];
  let second = 0;
  world.pass(120, () => {
    second++;
    slots.forEach((slot, i) => world.send(slot, 10_000 + 2000 * ((second + i) % 2)));
  });
  assert.equal(world.told("bypass-stopped").length, 0);
  assert.equal(slots.filter((slot) => world.bypasses(slot)).length, 2);
});

Deno.test("a place is taken only after its stop is acknowledged, and kept for whom it was made", () => {
  using world = new BypassWorld({ start: { bytes: BYTES }, instructions: 1 });
  const [slow, fast] = [world.session(), world.session()];
  world.pass(12, () => world.send(slow, 2000));
  world.acknowledges = false;
  world.pass(8, () => {
    world.send(slow, 2000);
    world.send(fast, 50_000);
  });
  assert.ok(!world.bypasses(slow), "its stop has been sent");
  assert.deepEqual([world.bypasses(fast), world.book.countOf("s1")], [false, 1]);
  world.acknowledges = true;
  world.pass(1);
  const other = world.session();
  world.send(other, BYTES);
  assert.ok(!world.bypasses(other), "the place is not for anybody");
  world.send(fast, 50_000);
  assert.ok(world.bypasses(fast));
});

Deno.test("a place that becomes free goes to the busiest of those that wait", () => {
  using world = new BypassWorld({ start: { bytes: BYTES }, instructions: 1 });
  const [first, slow, fast] = [world.session(), world.session(), world.session()];
  const flow = () => {
    world.send(first, 50_000);
    world.send(slow, 2000);
    world.send(fast, 4000);
  };
  world.pass(10, flow);
  assert.deepEqual([first, slow, fast].map((slot) => world.bypasses(slot)), [true, false, false]);
  const id = world.table.getF64(first, 5);
  world.control.ended(first, id);
  world.pass(3, flow);
  assert.deepEqual([slow, fast].map((slot) => world.bypasses(slot)), [false, true]);
});

Deno.test("a lower limit ends the least busy ones", () => {
  using world = new BypassWorld({ start: { bytes: BYTES }, instructions: 4 });
  const slots = [world.session(), world.session(), world.session(), world.session()];
  const flow = () => slots.forEach((slot, i) => world.send(slot, 1000 * (i + 1)));
  world.pass(10, flow);
  assert.equal(world.book.countOf("s1"), 4);
  world.control.configure(bypassConfig({ start: { bytes: BYTES }, instructions: 2 }));
  world.pass(3, flow);
  assert.deepEqual(slots.map((slot) => world.bypasses(slot)), [false, false, true, true]);
});

Deno.test("never more instructions than the limit, whatever sessions do", () => {
  const step = fc.record({
    slot: fc.integer({ min: 0, max: 9 }),
    bytes: fc.integer({ min: 1, max: 100_000 }),
    acknowledges: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 150 }),
      (instructions, steps) => {
        using world = new BypassWorld({ start: { bytes: BYTES }, instructions });
        const slots = Array.from({ length: 10 }, () => world.session());
        for (const { slot, bytes, acknowledges } of steps) {
          world.acknowledges = acknowledges;
          world.send(slots[slot]!, bytes);
          world.pass(1);
          assert.ok(world.book.countOf("s1") <= instructions);
        }
        // And every place is used in the end.
        world.acknowledges = true;
        world.pass(30, () => slots.forEach((slot) => world.send(slot, BYTES)));
        assert.equal(world.book.countOf("s1"), instructions);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("an agent that refuses an instruction is asked again after growing pauses", () => {
  using world = new BypassWorld({ start: { bytes: BYTES } });
  world.refuses = true;
  const slot = world.session();
  world.pass(20, () => world.send(slot, BYTES));
  assert.equal(world.reason(slot), "the agent refused the instruction");
  const times = world.told("bypass-stopped", slot).map((it) => Number(it.time));
  assert.deepEqual(times.slice(1).map((at, i) => (at - times[i]!) / 1000), [1, 2, 4, 8]);
  world.refuses = false;
  world.pass(20, () => world.send(slot, BYTES));
  assert.ok(world.bypasses(slot));
});

Deno.test("declines in masses are counted instead of told one by one", () => {
  using world = new BypassWorld({
    start: { bytes: BYTES, servers: ["10.0.0.12"] },
    capacity: 200,
  });
  for (let n = 0; n < 100; n++) world.send(world.session(), BYTES);
  world.pass(1);
  assert.equal(world.told("bypass-declined").length, 32);
  assert.deepEqual(world.told("bypass-declined-more").map((it) => it.sessions), [68]);
});
