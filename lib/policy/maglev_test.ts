import assert from "node:assert/strict";
import fc from "fast-check";
import { assertShares, clientWords, serversOf, tally } from "./_test_servers.ts";
import { Maglev } from "./maglev.ts";

const CLIENTS = 20_000;

/** The server of each of many clients. */
function choices(maglev: Maglev, count = CLIENTS): number[] {
  return Array.from({ length: count }, (_, n) => maglev.choose(clientWords(n >> 3), n & 7, 0));
}

Deno.test("a client keeps its server; its ports are spread over all of them", () => {
  const maglev = new Maglev(serversOf([1, 1, 1, 1]), { seed: 1 });
  assert.deepEqual(choices(maglev, 1000), choices(maglev, 1000));
  const ports = Array.from({ length: 4000 }, (_, n) => maglev.choose(clientWords(1), n, 0));
  assertShares(tally(ports, 4), [1, 1, 1, 1], 0.15);
});

Deno.test("maglev sends clients to servers by weight", () => {
  const weights = [1, 2, 3, 4];
  assertShares(tally(choices(new Maglev(serversOf(weights), { seed: 7 })), 4), weights, 0.06);
});

Deno.test("a server that is not eligible gives its clients to the others, and moves no other", () => {
  const weights = [1, 2, 3, 4];
  const servers = serversOf(weights);
  const maglev = new Maglev(servers, { seed: 7 });
  const before = choices(maglev);
  servers.shares[2] = 0;
  const during = choices(maglev);
  during.forEach((server, n) => {
    assert.notEqual(server, 2);
    if (before[n] !== 2) assert.equal(server, before[n]);
  });
  const moved = during.filter((_, n) => before[n] === 2);
  assertShares(tally(moved, 4).filter((_, i) => i !== 2), [1, 2, 4], 0.15);
  servers.shares[2] = 1;
  assert.deepEqual(choices(maglev), before);
});

Deno.test("a server removed from the list moves few clients of the others", () => {
  const names = Array.from({ length: 10 }, (_, i) => `10.0.0.${i}:80`);
  const weights = names.map((_, i) => 1 + (i % 3));
  const before = choices(new Maglev(serversOf(weights, names), { seed: 3 }));
  const after = choices(new Maglev(serversOf(weights.slice(1), names.slice(1)), { seed: 3 }));
  const others = before.map((server, n) => [server, after[n]! + 1]).filter(([was]) => was !== 0);
  const moved = others.filter(([was, is]) => was !== is).length;
  assert.ok(moved / others.length < 0.05, `${moved} of ${others.length} moved`);
});

Deno.test("a change of one weight moves few clients more than it must", () => {
  const before = choices(new Maglev(serversOf([2, 2, 2, 2]), { seed: 3 }));
  const after = choices(new Maglev(serversOf([2, 2, 2, 1]), { seed: 3 }));
  const moved = before.filter((server, n) => server !== after[n]).length / CLIENTS;
  // At least 1/4 - 1/7 of all must leave the lighter server.
  assert.ok(moved > 0.1 && moved < 0.2, `${moved} moved`);
});

Deno.test("the last eligible of many servers is found, and nobody is when there is none", () => {
  fc.assert(fc.property(fc.nat(999), fc.nat(), fc.nat(65_535), (only, client, port) => {
    const servers = many;
    servers.shares.fill(0);
    assert.equal(manyMaglev.choose(clientWords(client), port, 0), -1);
    servers.shares[only] = 1;
    assert.equal(manyMaglev.choose(clientWords(client), port, 0), only);
  }));
});

const many = serversOf(Array(1000).fill(1));
const manyMaglev = new Maglev(many, { seed: 1 });

Deno.test("servers without weight are never chosen, and no servers at all give nobody", () => {
  assert.ok(!choices(new Maglev(serversOf([0, 1]), { seed: 1 }), 500).includes(0));
  assert.equal(new Maglev(serversOf([0]), { seed: 1 }).choose(clientWords(1), 1, 0), -1);
  assert.equal(new Maglev(serversOf([]), { seed: 1 }).choose(clientWords(1), 1, 0), -1);
});

Deno.test("maglev: while a server starts slowly its clients come to it one by one, and nobody else moves", () => {
  const servers = serversOf([1, 1, 1, 1]);
  const maglev = new Maglev(servers, { seed: 7 });
  servers.shares[2] = 0;
  const without = choices(maglev);
  servers.shares[2] = 1;
  const whole = choices(maglev);
  let before = without;
  for (const share of [0.1, 0.3, 0.6, 0.9]) {
    servers.shares[2] = share;
    const now = choices(maglev);
    now.forEach((server, n) => {
      // Either at the newcomer, to which it belongs, or where it was without it.
      if (server === 2) assert.equal(whole[n], 2);
      else assert.equal(server, without[n]);
      if (before[n] === 2) assert.equal(server, 2);
    });
    const part = now.filter((server) => server === 2).length / CLIENTS;
    assert.ok(Math.abs(part - share / 4) < 0.015, `${part} of all at a share of ${share}`);
    before = now;
  }
});
