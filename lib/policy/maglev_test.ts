import assert from "node:assert/strict";
import fc from "fast-check";
import { assertShares, clientWords, serversOf, tally } from "./_test_servers.ts";
import { Maglev, maglevTable } from "./maglev.ts";

const CLIENTS = 20_000;

/** The server of each of many clients. */
function choices(maglev: Maglev, count = CLIENTS): number[] {
  return Array.from({ length: count }, (_, n) => maglev.choose(clientWords(n >> 3), n & 7, 0));
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

Deno.test("a client keeps its server; its ports are spread over all of them", () => {
  const maglev = new Maglev(serversOf([1, 1, 1, 1]), 1);
  assert.deepEqual(choices(maglev, 1000), choices(maglev, 1000));
  const ports = Array.from({ length: 4000 }, (_, n) => maglev.choose(clientWords(1), n, 0));
  assertShares(tally(ports, 4), [1, 1, 1, 1], 0.15);
});

Deno.test("maglev sends clients to servers by weight", () => {
  const weights = [1, 2, 3, 4];
  assertShares(tally(choices(new Maglev(serversOf(weights), 7)), 4), weights, 0.06);
});

Deno.test("a server that is not eligible gives its clients to the others, and moves no other", () => {
  const weights = [1, 2, 3, 4];
  const servers = serversOf(weights);
  const maglev = new Maglev(servers, 7);
  const before = choices(maglev);
  servers.eligible[2] = 0;
  const during = choices(maglev);
  during.forEach((server, n) => {
    assert.notEqual(server, 2);
    if (before[n] !== 2) assert.equal(server, before[n]);
  });
  const moved = during.filter((_, n) => before[n] === 2);
  assertShares(tally(moved, 4).filter((_, i) => i !== 2), [1, 2, 4], 0.15);
  servers.eligible[2] = 1;
  assert.deepEqual(choices(maglev), before);
});

Deno.test("a server removed from the list moves few clients of the others", () => {
  const names = Array.from({ length: 10 }, (_, i) => `10.0.0.${i}:80`);
  const weights = names.map((_, i) => 1 + (i % 3));
  const before = choices(new Maglev(serversOf(weights, names), 3));
  const after = choices(new Maglev(serversOf(weights.slice(1), names.slice(1)), 3));
  const others = before.map((server, n) => [server, after[n]! + 1]).filter(([was]) => was !== 0);
  const moved = others.filter(([was, is]) => was !== is).length;
  assert.ok(moved / others.length < 0.05, `${moved} of ${others.length} moved`);
});

Deno.test("a change of one weight moves few clients more than it must", () => {
  const before = choices(new Maglev(serversOf([2, 2, 2, 2]), 3));
  const after = choices(new Maglev(serversOf([2, 2, 2, 1]), 3));
  const moved = before.filter((server, n) => server !== after[n]).length / CLIENTS;
  // At least 1/4 - 1/7 of all must leave the lighter server.
  assert.ok(moved > 0.1 && moved < 0.2, `${moved} moved`);
});

Deno.test("the last eligible of many servers is found, and nobody is when there is none", () => {
  fc.assert(fc.property(fc.nat(999), fc.nat(), fc.nat(65_535), (only, client, port) => {
    const servers = many;
    servers.eligible.fill(0);
    assert.equal(manyMaglev.choose(clientWords(client), port, 0), -1);
    servers.eligible[only] = 1;
    assert.equal(manyMaglev.choose(clientWords(client), port, 0), only);
  }));
});

const many = serversOf(Array(1000).fill(1));
const manyMaglev = new Maglev(many, 1);

Deno.test("servers without weight are never chosen, and no servers at all give nobody", () => {
  assert.ok(!choices(new Maglev(serversOf([0, 1]), 1), 500).includes(0));
  assert.equal(new Maglev(serversOf([0]), 1).choose(clientWords(1), 1, 0), -1);
  assert.equal(new Maglev(serversOf([]), 1).choose(clientWords(1), 1, 0), -1);
});
