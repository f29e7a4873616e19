import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { ReplyLimits } from "./reply_limits.ts";

const RATES = { perSecond: 1000, burst: 100, perSecondEach: 20, burstEach: 10 };

/** A reproducible stream; no test depends on which. */
function random(seed = 1): () => number {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

function addressOf(text: string): Int32Array {
  return IpAddress.parse(text).words;
}

/** How many of so many requests a second are allowed over a time. */
function allowed(limits: ReplyLimits, to: (n: number) => Int32Array, perSecond: number): number {
  let count = 0;
  for (let n = 0; n < perSecond * 10; n++) {
    if (limits.allow(to(n), 0, n * 1000 / perSecond)) count++;
  }
  return count;
}

Deno.test("one address gets its share, on average", () => {
  const limits = new ReplyLimits({ ...RATES, random: random() });
  const count = allowed(limits, () => addressOf("198.51.100.2"), 2000);
  // 10 at once and 20 a second for 10 seconds; what a reply costs is chance.
  assert.ok(count > 150 && count < 270, `${count}`);
});

Deno.test("all addresses together get no more than the limit for all", () => {
  const limits = new ReplyLimits({ ...RATES, perSecond: 100, random: random() });
  const count = allowed(limits, (n) => addressOf(`198.51.${n >> 8 & 255}.${n & 255}`), 5000);
  assert.ok(count > 900 && count < 1300, `${count}`);
});

Deno.test("an address that has used up its share leaves the others theirs", () => {
  const limits = new ReplyLimits({ ...RATES, random: random() });
  for (let n = 0; n < 1000; n++) limits.allow(addressOf("198.51.100.2"), 0, 0);
  assert.ok(!limits.allow(addressOf("198.51.100.2"), 0, 0));
  assert.ok(limits.allow(addressOf("198.51.100.3"), 0, 0));
  assert.ok(limits.allow(addressOf("198.51.100.2"), 0, 10_000));
});

Deno.test("the addresses of one /64 share, those of another do not", () => {
  const limits = new ReplyLimits({ ...RATES, random: random() });
  for (let n = 0; n < 100; n++) {
    limits.allow(addressOf(`2001:db8:c::${n.toString(16)}`), 0, 0);
  }
  assert.ok(!limits.allow(addressOf("2001:db8:c::ffff"), 0, 0));
  assert.ok(limits.allow(addressOf("2001:db8:d::1"), 0, 0));
});

Deno.test("how many replies are left cannot be told from how many were sent", () => {
  // What a sender sees who has his own share answered until it ends, and counts.
  const seen = new Set<number>();
  for (let seed = 1; seed <= 20; seed++) {
    const limits = new ReplyLimits({ ...RATES, random: random(seed) });
    let count = 0;
    while (limits.allow(addressOf("198.51.100.2"), 0, 0)) count++;
    seen.add(count);
  }
  assert.ok(seen.size > 3, [...seen].join(" "));
});
