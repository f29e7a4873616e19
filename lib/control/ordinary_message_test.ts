import assert from "node:assert/strict";
import fc from "fast-check";
import { agentMessages, natMessages, NO_COUNTERS } from "./messages.ts";
import { isOrdinary } from "./ordinary_message.ts";

const SCHEMAS: Readonly<Record<string, { safeParse(value: unknown): { success: boolean } }>> = {
  ...agentMessages,
  ...natMessages,
};

const key = { session: "k3jf9a.1", generation: 7 };
const counted = { ...key, ...NO_COUNTERS };
const counts = { ...counted, packets: 3, bytes: 4_500, sequence: 0xffffffff, resent: 2 };
const pair = { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" };
const instruction = { ...key, protocol: "tcp", match: pair, rewrite: pair };
const stopped = { ...counted, known: true, reason: null };

/** Of each type that is checked by hand: a message as it is sent when all is well, with every key that an entry can have. */
const ORDINARY: Readonly<Record<string, Record<string, unknown>>> = {
  report: {
    nonce: 1,
    able: true,
    reason: null,
    entries: [counted, { ...counts, fin: true, resentAgain: 1 }],
  },
  installed: { entries: [key], refused: [] },
  stopped: { entries: [{ ...stopped, ...counts, resentAgain: 1 }, { ...stopped, known: false }] },
  install: { nonce: 1, entries: [instruction, { ...instruction, pathMtu: 1280 }] },
  stop: { entries: [key, { ...key, generation: 8 }] },
};

Deno.test("what every session costs is checked by hand", () => {
  for (const [type, rest] of Object.entries(ORDINARY)) {
    assert.ok(SCHEMAS[type]!.safeParse({ type, ...rest }).success, type);
    assert.ok(isOrdinary(type, { type, ...rest }), type);
  }
  assert.ok(isOrdinary("report", { type: "report", ...ORDINARY.report, entries: [] }));
});

Deno.test("a key that is new in a schema is known here as well", () => {
  const entries = {
    report: agentMessages.report.shape.entries.element.shape,
    installed: agentMessages.installed.shape.entries.element.shape,
    stopped: agentMessages.stopped.shape.entries.element.shape,
    install: natMessages.install.shape.entries.element.shape,
    stop: natMessages.stop.shape.entries.element.shape,
  };
  for (const [type, shape] of Object.entries(entries)) {
    const known = new Set(
      (ORDINARY[type]!.entries as object[]).flatMap((entry) => Object.keys(entry)),
    );
    assert.deepEqual([...known].toSorted(), Object.keys(shape).toSorted(), type);
  }
});

Deno.test("what the schema has to look at is left to it", () => {
  const others: [string, Record<string, unknown>][] = [
    ["report", { able: false }],
    ["report", { reason: "why" }],
    ["report", { unable: { ipv4: "why" } }],
    ["installed", { refused: [{ ...key, reason: "full", detail: "why" }] }],
    ["stopped", { entries: [{ ...stopped, reason: "its lease is over" }] }],
  ];
  for (const [type, changes] of others) {
    const value = { type, ...ORDINARY[type], ...changes };
    assert.ok(SCHEMAS[type]!.safeParse(value).success);
    assert.equal(isOrdinary(type, value), false);
  }
  assert.equal(isOrdinary("grant", { type: "grant", nonce: 1 }), false);
});

Deno.test("no message passes that its schema refuses", () => {
  const numbers = fc.oneof(
    fc.constantFrom(-1, -0, 0, 0.5, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300),
    fc.integer(),
  );
  const anything = fc.oneof(
    numbers,
    fc.constantFrom(null, true, "", "a", "a b", "x".repeat(65), [], {}, pair),
    fc.constantFrom({ ...pair, more: 1 }, { ...pair, source: "" }, { source: "a" }),
    fc.string(),
  );
  for (const [type, rest] of Object.entries(ORDINARY)) {
    const ordinary = rest.entries as object[];
    const keys = [...new Set(ordinary.flatMap((entry) => Object.keys(entry))), "more"];
    const oneEntry = fc.tuple(
      fc.constantFrom(...ordinary),
      fc.array(fc.tuple(fc.constantFrom(...keys), anything), { maxLength: 2 }),
    ).map(([entry, changes]) => ({ ...entry, ...Object.fromEntries(changes) }));
    const heads = fc.array(
      fc.tuple(fc.constantFrom(...Object.keys(rest), "more"), anything),
      { maxLength: 1 },
    );
    let passed = 0;
    fc.assert(
      fc.property(
        heads,
        fc.array(fc.oneof({ weight: 9, arbitrary: oneEntry }, anything), { maxLength: 3 }),
        (head, entries) => {
          const value = { type, ...rest, entries, ...Object.fromEntries(head) };
          if (!isOrdinary(type, value)) return;
          passed++;
          assert.ok(SCHEMAS[type]!.safeParse(value).success, JSON.stringify(value));
        },
      ),
      { numRuns: 2_000 },
    );
    assert.ok(passed > 100, `${type}: ${passed} passed`);
  }
});
