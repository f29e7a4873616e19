/**
 * The whole protocol between a NAT machine and its agents: an instruction never translates another
 * session's packet, whatever is lost, late, killed or stopped.
 */
import assert from "node:assert/strict";
import type { BrokenRules } from "./protocol/settings.ts";
import { fuzzTest, runFuzz } from "./support/fuzz.ts";
import { protocol, protocolTarget } from "./targets/protocol.ts";

fuzzTest(protocol);

/** In how many cases a broken rule has to show itself; most do in a few dozen. */
const CASES = 1500;

function finds(broken: BrokenRules, what: RegExp): void {
  const firstSeed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 40));
  const target = {
    ...protocolTarget(broken, CASES),
    name: `protocol with ${JSON.stringify(broken)}`,
  };
  assert.throws(() => runFuzz(target, { cases: CASES, firstSeed }), what);
}

const WRONG = /is in force|translated a packet of|goes to another client|was reported as ended/;

Deno.test("a NAT machine that takes leases for over too early is found out", () => {
  finds({ leaseEndsEarly: true }, WRONG);
});

Deno.test("an agent that acknowledges before its worker has let go is found out", () => {
  finds({ stopAckedAtOnce: true }, /protocol with/);
});

Deno.test("an agent that counts its lease from the grant's receipt is found out", () => {
  finds({ leaseFromReceipt: true }, WRONG);
});

Deno.test("an agent that sends on what waited while it was stopped is found out", () => {
  finds({ backlogSent: true }, /goes to another client/);
});

Deno.test("a NAT machine that lost its table and does not wait is found out", () => {
  finds({ noWaitAfterLoss: true }, WRONG);
});

Deno.test("a NAT machine that forgets the instructions of the table it continues is found out", () => {
  finds({ noRestore: true }, /left in the table|in force|another/);
});
