import assert from "node:assert/strict";
import fc from "fast-check";
import { assertShares, clientWords, serversOf, tally } from "./_test_servers.ts";
import { createScheduler, type SchedulerName } from "./scheduler.ts";

const NAMES: readonly SchedulerName[] = ["maglev", "round-robin", "least-sessions", "source-hash"];

/** The servers of `count` sessions, each of a client of its own; `sessions` is counted up as an owner would. */
function open(name: SchedulerName, servers: ReturnType<typeof serversOf>, count: number): number[] {
  const scheduler = createScheduler(name, servers, { seed: 1 });
  return Array.from({ length: count }, (_, n) => {
    const server = scheduler.choose(clientWords(n), 40_000, (n * 0.618) % 1);
    if (server >= 0) servers.sessions[server]!++;
    return server;
  });
}

for (const name of NAMES) {
  Deno.test(`${name} shares sessions out by weight`, () => {
    const weights = [1, 2, 0, 4];
    const counts = tally(open(name, serversOf(weights), 20_000), 4);
    assert.equal(counts[2], 0);
    assertShares(counts.filter((_, i) => i !== 2), [1, 2, 4], 0.06);
  });

  Deno.test(`${name} chooses an eligible server whenever there is one, and says -1 otherwise`, () => {
    const entry = fc.record({
      weight: fc.nat(1000),
      eligible: fc.boolean(),
      sessions: fc.nat(100),
    });
    const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(fc.property(
      fc.array(entry, { maxLength: 20 }),
      fc.tuple(word, word, word, word),
      fc.nat(65_535),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (entries, words, port, random) => {
        const servers = serversOf(entries.map(({ weight }) => weight));
        entries.forEach(({ eligible, sessions }, i) => {
          servers.shares[i] = Number(eligible);
          servers.sessions[i] = sessions;
        });
        const choice = createScheduler(name, servers, { seed: 9 }).choose(
          Int32Array.of(...words),
          port,
          random,
        );
        const able = entries.flatMap(({ weight, eligible }, i) =>
          eligible && weight > 0 ? [i] : []
        );
        if (able.length === 0) assert.equal(choice, -1);
        else assert.ok(able.includes(choice), `${choice} is none of ${able}`);
      },
    ));
  });
}

for (const name of NAMES) {
  Deno.test(`${name}: a server that starts slowly gets its share of the new sessions, and the others theirs`, () => {
    const servers = serversOf([1, 1, 2]);
    // The others have sessions already.
    servers.sessions.set([0, 3000, 6000]);
    servers.shares[0] = 0.4;
    const counts = tally(open(name, servers, 20_000), 3);
    const part = counts[0]! / 20_000;
    // 0.4 of a weight of 1 among 4, or among what counts now.
    assert.ok(part > 0.08 && part < 0.135, `${part} of all`);
    assertShares(counts.slice(1), [1, 2], 0.06);
  });

  Deno.test(`${name} gives a server on trial as many sessions as it may have, and no more`, () => {
    const servers = serversOf([1, 1]);
    servers.limits[1] = 3;
    const scheduler = createScheduler(name, servers);
    const counts = [0, 0];
    for (let n = 0; n < 500; n++) {
      const server = scheduler.choose(clientWords(n), n, (n * 0.618) % 1);
      servers.taken[server]!++;
      counts[server]!++;
    }
    assert.deepEqual(counts, [497, 3]);
  });

  Deno.test(`${name} sends nobody to a server that drains, and those that it had come back to it`, () => {
    const servers = serversOf([1, 1, 1]);
    servers.shares[1] = 0;
    assert.equal(tally(open(name, servers, 3000), 3)[1], 0);
    servers.shares[1] = 1;
    assert.ok(tally(open(name, servers, 3000), 3)[1]! > 900);
  });
}

Deno.test("round-robin mixes servers instead of choosing the heaviest several times in a row", () => {
  const choices = open("round-robin", serversOf([5, 1, 1]), 7);
  assert.deepEqual(choices, [0, 0, 1, 0, 2, 0, 0]);
});

Deno.test("least-sessions evens out what was uneven", () => {
  const servers = serversOf([1, 1, 2]);
  servers.sessions.set([100, 0, 0]);
  open("least-sessions", servers, 300);
  assert.deepEqual([...servers.sessions], [100, 100, 200]);
});

Deno.test("least-sessions begins anywhere among equals", () => {
  const scheduler = createScheduler("least-sessions", serversOf([1, 1, 1, 1]));
  const choices = [0, 0.3, 0.6, 0.9].map((random) => scheduler.choose(clientWords(1), 1, random));
  assert.deepEqual(choices, [0, 1, 2, 3]);
});

Deno.test("source-hash keeps all ports of a client on one server, and moves only whom it must", () => {
  const servers = serversOf([1, 2, 3]);
  const scheduler = createScheduler("source-hash", servers, { seed: 4 });
  const choose = (port: number) =>
    Array.from({ length: 5000 }, (_, n) => scheduler.choose(clientWords(n), port, 0));
  const before = choose(1);
  assert.deepEqual(choose(2), before);
  servers.shares[1] = 0;
  choose(1).forEach((server, n) => {
    if (before[n] === 1) assert.notEqual(server, 1);
    else assert.equal(server, before[n]);
  });
});

Deno.test("source-hash: a server that joins takes its share and nothing moves between the others", () => {
  const names = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  const of = (count: number) =>
    open("source-hash", serversOf(Array(count).fill(1), names.slice(0, count)), 9000);
  const before = of(2), after = of(3);
  after.forEach((server, n) => assert.ok(server === 2 || server === before[n]));
  assertShares(tally(after, 3), [1, 1, 1], 0.06);
});

Deno.test("the same seed chooses the same servers, another seed others", () => {
  for (const name of ["maglev", "source-hash"] as const) {
    const choices = (seed: number) => {
      const scheduler = createScheduler(name, serversOf([1, 1, 1, 1]), { seed });
      return Array.from({ length: 200 }, (_, n) => scheduler.choose(clientWords(n), 1, 0));
    };
    assert.deepEqual(choices(1), choices(1));
    assert.notDeepEqual(choices(1), choices(2));
  }
});
