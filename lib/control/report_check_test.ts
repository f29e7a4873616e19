import assert from "node:assert/strict";
import fc from "fast-check";
import { agentMessages, NO_COUNTERS, type Report } from "./messages.ts";
import { isOrdinaryReport } from "./report_check.ts";

const entry = { session: "k3jf9a.1", generation: 7, ...NO_COUNTERS };

function report(changes: Record<string, unknown> = {}): Report {
  return {
    type: "report",
    nonce: 1,
    able: true,
    reason: null,
    entries: [entry, { ...entry, packets: 3, bytes: 4_500, sequence: 0xffffffff, fin: true }],
    ...changes,
  };
}

Deno.test("the reports of an agent that is able are checked by hand", () => {
  // A key that is new in the schema has to be known here as well.
  const full = { ...entry, resent: 2, resentAgain: 1 };
  const keys = Object.keys(agentMessages.report.shape.entries.element.shape);
  assert.deepEqual(keys.toSorted(), Object.keys(full).toSorted());
  assert.ok(isOrdinaryReport(report({ entries: [full, { ...entry, resent: 0 }] })));
  assert.ok(isOrdinaryReport(report()));
  assert.ok(isOrdinaryReport(report({ entries: [] })));
});

Deno.test("what the schema has to look at is left to it", () => {
  const reasons = [{ able: false }, { reason: "why" }, { unable: { ipv4: "why" } }];
  for (const changes of reasons) {
    assert.ok(agentMessages.report.safeParse(report(changes)).success);
    assert.equal(isOrdinaryReport(report(changes)), false);
  }
});

Deno.test("no report passes that the schema refuses", () => {
  const numbers = fc.oneof(
    fc.constantFrom(-1, -0, 0, 0.5, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300),
    fc.integer(),
  );
  const anything = fc.oneof(
    numbers,
    fc.constantFrom(null, true, "", "a", "a b", [], {}),
    fc.string(),
  );
  const keys = fc.constantFrom(
    "session",
    "generation",
    ...Object.keys(NO_COUNTERS),
    "resent",
    "more",
  );
  const oneEntry = fc.array(fc.tuple(keys, anything), { maxLength: 2 })
    .map((changes) => ({ ...entry, ...Object.fromEntries(changes) }));
  const heads = fc.array(
    fc.tuple(fc.constantFrom("nonce", "able", "reason", "entries", "more"), anything),
    { maxLength: 1 },
  );
  let passed = 0;
  fc.assert(
    fc.property(heads, fc.array(oneEntry, { maxLength: 3 }), (head, entries) => {
      const value = { ...report({ entries }), ...Object.fromEntries(head) };
      if (!isOrdinaryReport(value)) return;
      passed++;
      assert.ok(agentMessages.report.safeParse(value).success, JSON.stringify(value));
    }),
    { numRuns: 3_000 },
  );
  assert.ok(passed > 100, `${passed} passed`);
});
