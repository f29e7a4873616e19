import assert from "node:assert/strict";
import { formatEndpoint, parseEndpoint } from "../wire/address.ts";
import { CheckSchedule } from "./check_schedule.ts";
import { probeTcp } from "./probe.ts";

/** `count` targets. */
function many(count: number, intervalMs = 100) {
  return Array.from({ length: count }, (_, n) => ({ key: `server ${n}`, intervalMs }));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`a server at ${hostname} is found good while it listens, and bad after`, async () => {
    const listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const address = formatEndpoint(
      parseEndpoint(hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`),
    );
    const details: string[] = [];
    let told = Promise.withResolvers<void>();
    using checks = new CheckSchedule({
      probe: ({ key }) => probeTcp(parseEndpoint(key), 100),
      result: ({ key }, { detail }) => {
        assert.equal(key, address);
        details.push(detail);
        told.resolve();
      },
    });
    checks.configure([{ key: address, intervalMs: 100 }]);
    const taken = (async () => {
      for await (const connection of listener) connection.close();
    })();
    await told.promise;
    listener.close();
    await taken;
    told = Promise.withResolvers();
    await told.promise;
    assert.equal(details[0], "connected");
    assert.equal(details.at(-1), "connection refused");
  });
}

Deno.test("a thousand servers without answer are checked all the same, few at a time", async () => {
  let atOnce = 0, most = 0;
  const seen = new Set<string>();
  using checks = new CheckSchedule({
    result: ({ key }) => seen.add(key),
    probe: async () => {
      most = Math.max(most, ++atOnce);
      await pause(20);
      atOnce--;
      return { good: false, detail: "no answer" };
    },
    mostAtOnce: 64,
  });
  checks.configure(many(1000));
  for (let waited = 0; seen.size < 1000 && waited < 10_000; waited += 50) await pause(50);
  assert.equal(seen.size, 1000);
  assert.ok(most <= 64, `${most} at once`);
});

Deno.test("first checks are spread over the interval", async () => {
  const begun = new Map<string, number>();
  let place = 0;
  using checks = new CheckSchedule({
    result: () => {},
    probe: ({ key }) => {
      if (!begun.has(key)) begun.set(key, performance.now());
      return Promise.resolve({ good: true, detail: "" });
    },
    // Two for each: when it begins, and its place in the interval.
    random: () => ((place++ >> 1) % 10) / 10,
  });
  const started = performance.now();
  checks.configure(many(10, 500));
  for (let waited = 0; begun.size < 10 && waited < 5_000; waited += 20) await pause(20);
  [...begun.values()].forEach((at, n) => {
    assert.ok(at - started >= n * 50 - 5, `check ${n} after ${at - started} ms`);
  });
});

Deno.test("a reload leaves alone who is checked as before, and ends what is gone or different", async () => {
  const begun: string[] = [];
  const results: string[] = [];
  const answers = new Map<string, () => void>();
  using checks = new CheckSchedule({
    result: ({ key }) => results.push(key),
    probe: ({ key, intervalMs }) => {
      begun.push(`${key} ${intervalMs}`);
      return new Promise((resolve) =>
        answers.set(`${key} ${intervalMs}`, () => resolve({ good: true, detail: "" }))
      );
    },
    random: () => 0,
  });
  checks.configure([...many(3, 5_000)]);
  await pause(30);
  checks.configure([
    { key: "server 0", intervalMs: 5_000 },
    { key: "server 2", intervalMs: 9_000 },
    { key: "server 4", intervalMs: 5_000 },
  ]);
  await pause(30);
  assert.deepEqual(begun, [
    "server 0 5000",
    "server 1 5000",
    "server 2 5000",
    "server 2 9000",
    "server 4 5000",
  ]);
  // A check that was under way for something that is gone says nothing any more.
  for (const answer of answers.values()) answer();
  await pause(30);
  assert.deepEqual(results, ["server 0", "server 2", "server 4"]);
});
