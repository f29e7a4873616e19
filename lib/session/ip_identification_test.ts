import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { IpIdentifications } from "./ip_identification.ts";

const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
const key: readonly [number, number] = [seed, ~seed];

const UDP = 17;
const V4 = addresses("10.0.1.1", "10.0.0.11");
const V6 = addresses("2001:db8:1::1", "2001:db8:10::11");

function addresses(source: string, destination: string): Int32Array {
  return Int32Array.of(...IpAddress.parse(source).words, ...IpAddress.parse(destination).words);
}

Deno.test("an IPv4 identification comes again only after all others have", () => {
  console.log(`    seed ${seed} (SEED=${seed} repeats it)`);
  const identifications = new IpIdentifications(key);
  const first = Array.from({ length: 65535 }, () => identifications.next(4, V4, UDP, 0));
  assert.equal(new Set(first).size, 65535);
  assert.ok(first.every((id) => id >= 1 && id <= 65535));
  for (const id of first) assert.equal(identifications.next(4, V4, UDP, 0), id);
});

Deno.test("every source, destination and protocol has a sequence of its own", () => {
  const streams: [Int32Array, number][] = [
    [V4, UDP],
    [V4, 6],
    [addresses("10.0.1.2", "10.0.0.11"), UDP],
    [addresses("10.0.1.1", "10.0.0.12"), UDP],
    [addresses("10.0.0.11", "10.0.1.1"), UDP],
  ];
  const sequences = streams.map(([words, protocol]) => {
    const identifications = new IpIdentifications(key);
    return Array.from({ length: 32 }, () => identifications.next(4, words, protocol, 0)).join();
  });
  assert.equal(new Set(sequences).size, streams.length);
});

Deno.test("streams side by side do not use up each other's identifications", () => {
  const identifications = new IpIdentifications(key);
  const others = Array.from({ length: 20 }, (_, i) => addresses(`10.0.1.${i + 2}`, "10.0.0.11"));
  const seen = new Set<number>();
  for (let i = 0; i < 3000; i++) {
    seen.add(identifications.next(4, V4, UDP, 0));
    for (const other of others) identifications.next(4, other, UDP, 0);
  }
  assert.equal(seen.size, 3000);
});

Deno.test("the next identification cannot be told from the last one", () => {
  const identifications = new IpIdentifications(key);
  const samples = 64 * 512;
  const steps = new Array(512).fill(0);
  let last = 0;
  for (let i = 0; i < samples; i++) {
    const id = identifications.next(4, V4, UDP, 0);
    const step = ((id - last) & 0xffff) >>> 7;
    steps[step]++;
    last = id;
  }
  const chiSquare = steps.reduce((sum, n) => sum + (n - 64) ** 2 / 64, 0);
  // 511 degrees of freedom: a fair sequence is above 650 once in 30,000 times.
  assert.ok(chiSquare < 650, `chi-square ${chiSquare} with seed ${seed}`);
});

Deno.test("another key gives other identifications", () => {
  const one = new IpIdentifications([1, 2]);
  const other = new IpIdentifications([1, 3]);
  const same = Array.from({ length: 1000 }).filter(() =>
    one.next(4, V4, UDP, 0) === other.next(4, V4, UDP, 0)
  );
  assert.ok(same.length < 5, `${same.length} of 1000 are the same`);
});

Deno.test("IPv6 identifications have 32 bits, are not 0 and do not come again", () => {
  const identifications = new IpIdentifications(key);
  const seen = new Set<number>();
  for (let i = 0; i < 200_000; i++) seen.add(identifications.next(6, V6, UDP, 0));
  assert.equal(seen.size, 200_000);
  assert.ok(!seen.has(0));
  const values = [...seen];
  assert.ok(values.every((id) => id === (id | 0)), "signed");
  assert.equal(new Set(values.map((id) => id >>> 24)).size, 256, "spread over all 32 bits");
});

Deno.test("the protocol does not matter for IPv6, whose receivers do not look at it", () => {
  const one = new IpIdentifications(key);
  const other = new IpIdentifications(key);
  assert.equal(one.next(6, V6, UDP, 0), other.next(6, V6, 58, 0));
});

Deno.test("identifications that are used up within two minutes are noticed", () => {
  const identifications = new IpIdentifications(key);
  const spend = (nowMs: number) => {
    for (let i = 0; i < 65535; i++) identifications.next(4, V4, UDP, nowMs);
  };
  spend(0);
  spend(119_000);
  assert.equal(identifications.earlyRounds, 1);
  spend(300_000);
  assert.equal(identifications.earlyRounds, 1);
});

Deno.test("several who choose for one stream never choose the same, as long as there are others", () => {
  const all = [0, 1, 2].map((worker) => new IpIdentifications(key, { worker, workers: 3 }));
  const seen = new Set<number>();
  for (let i = 0; i < 60_000; i++) seen.add(all[i % 3]!.next(4, V4, UDP, 0));
  assert.equal(seen.size, 60_000);
});
