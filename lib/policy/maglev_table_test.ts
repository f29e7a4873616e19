import assert from "node:assert/strict";
import { assertShares, serversOf, tally } from "./_test_servers.ts";
import { maglevTable, populate } from "./maglev_table.ts";

Deno.test("populate() makes the table of the paper, before and after one of three servers goes", () => {
  // Eisenbud et al., NSDI 2016, Table 1: permutations 3 0 4 1 5 2 6, 0 2 4 6 1 3 5 and 3 4 5 6 0 1 2.
  const b0 = { offset: 3, skip: 4, weight: 1 };
  const b1 = { offset: 0, skip: 2, weight: 1 };
  const b2 = { offset: 3, skip: 1, weight: 1 };
  assert.deepEqual([...populate([b0, b1, b2], 7)], [1, 0, 1, 0, 2, 2, 0]);
  // Entry 6 alone goes from B0 to B2; the other changes are what B1 leaves.
  const without = populate([b0, b2], 7);
  assert.deepEqual(Array.from(without, (n) => [0, 2][n]), [0, 0, 0, 0, 2, 2, 2]);
});

/** Which part of the entries changed though their server is still there. */
function disruption(before: Uint16Array, after: Uint16Array, gone: number): number {
  // The servers that go are the last of the list, so that the others keep their index.
  const changed = before.filter((server, at) => server < gone && after[at] !== server);
  return changed.length / before.length;
}

for (
  const { servers, failed, most } of [
    // Section 5.3 of the paper fails some of 1000 backends at once, with 65537 entries.
    { servers: 1000, failed: 1, most: 0.008 },
    { servers: 1000, failed: 5, most: 0.022 },
    { servers: 1000, failed: 50, most: 0.1 },
    { servers: 100, failed: 1, most: 0.017 },
    { servers: 10, failed: 1, most: 0.02 },
    { servers: 3, failed: 1, most: 0.02 },
  ]
) {
  Deno.test(`maglevTable(): when ${failed} of ${servers} servers go, few entries change beyond theirs`, () => {
    const rest = servers - failed;
    const after = maglevTable(serversOf(Array(rest).fill(1)), 1);
    const all = serversOf(Array(servers).fill(1));
    const before = maglevTable(all, 1);
    assert.equal(before.length, after.length);
    const changed = disruption(before, after, rest);
    assert.ok(changed > 0 && changed < most, `${changed} of the entries`);
  });
}

Deno.test("maglevTable() shares out its entries by weight, nearly exactly", () => {
  for (const weights of [[1, 1], [1, 2, 3], [1, 0, 1], [1, 10, 100], Array(99).fill(1)]) {
    const table = maglevTable(serversOf(weights), 1);
    assertShares(tally([...table], weights.length), weights, 0.02);
  }
});

Deno.test("maglevTable() does not depend on the order of the list", () => {
  const names = ["10.0.0.11:80", "10.0.0.12:80", "10.0.0.9:80", "10.0.0.10:80"];
  const weights = [1, 2, 3, 1];
  const table = maglevTable(serversOf(weights, names), 5);
  const backwards = maglevTable(serversOf(weights.toReversed(), names.toReversed()), 5);
  assert.deepEqual(Array.from(table, (i) => names[i]), [
    ...Array.from(backwards, (i) => names.toReversed()[i]),
  ]);
});
