/**
 * The whole protocol between a NAT machine and its agents: an instruction never translates another
 * session's packet, whatever is lost, late, killed or stopped.
 */
import assert from "node:assert/strict";
import { fuzzTest } from "./support/fuzz.ts";
import { type BrokenWorlds, findBroken, protocol } from "./targets/protocol.ts";

fuzzTest(protocol);

/**
 * The same cases each time, so that chance decides nothing. With these biases each rule shows in one
 * case of fourteen or more often: that none of so many does has a probability below 1e-15, whatever a
 * change of the code makes of the seeds.
 */
const CASES = { firstSeed: 1, cases: 500 };

function finds(worlds: BrokenWorlds, what: RegExp): void {
  const found = findBroken(worlds, CASES);
  assert.ok(found, `none of ${CASES.cases} cases shows it`);
  assert.match(found.message, what);
}

const WRONG = /is in force|translated a packet of|goes to another client|was reported as ended/;

Deno.test("a NAT machine that takes leases for over too early is found out", () => {
  finds({ broken: { leaseEndsEarly: true }, bias: {} }, WRONG);
});

Deno.test("an agent that acknowledges before its worker has let go is found out", () => {
  finds(
    { broken: { stopAckedAtOnce: true }, bias: { "bypass stop": 4, "bypass start": 4 } },
    WRONG,
  );
});

Deno.test("an agent that counts its lease from the grant's receipt is found out", () => {
  const undisturbed = { "kill agent": 0, "kill NAT": 0, "doom NAT": 0, "bypass stop": 0 };
  const bias = { "late grant": 40, "pass lease": 20, "connect": 0.5, "unable": 0, ...undisturbed };
  finds({ broken: { leaseFromReceipt: true }, bias }, WRONG);
});

Deno.test("an agent that sends on what waited while it was stopped is found out", () => {
  const bias = { "freeze agent": 15, "pass quarantine": 8, "rush": 8, "watchdog": 0.2 };
  finds({ broken: { backlogSent: true }, bias }, /goes to another client/);
});

Deno.test("a NAT machine that lost its table and does not wait is found out", () => {
  finds({ broken: { noWaitAfterLoss: true }, bias: { "lose table": 60, "rush": 4 } }, WRONG);
});

Deno.test("a NAT machine that forgets the instructions of the table it continues is found out", () => {
  finds({ broken: { noRestore: true }, bias: {} }, /left in the table|in force|another/);
});
