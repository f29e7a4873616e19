/**
 * Every case as real packets: the NAT machine and an agent as daemons in the lab, with timeouts that can be waited for.
 */
import assert from "node:assert/strict";
import { rootTest } from "../support/root_test.ts";
import { CASES } from "./cases/all.ts";
import {
  type Case,
  familiesOf,
  type Family,
  type SetupName,
  titleOf,
  waysOf,
} from "./runner/case.ts";
import { LabWorld } from "./runner/lab_world.ts";
import { runCase } from "./runner/run_case.ts";

const SETUPS: readonly SetupName[] = ["ordinary", "tiny", "silent"];
const FAMILIES: readonly Family[] = await Deno.stat("/proc/net/if_inet6").then(
  () => [4, 6],
  () => [4],
);
const TRIES = 3;
const ONLY = Deno.env.get("CONFORMANCE_ONLY");

for (const setup of SETUPS) {
  const cases = CASES.filter((it) => (it.setup ?? "ordinary") === setup && isChosen(it));
  if (cases.length === 0) continue;
  rootTest(`conformance cases as packets in the lab, NAT machine ${setup}`, {
    capabilities: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"],
    tools: ["ip", "nft"],
    timeoutMs: 400_000,
  }, async (test) => {
    let world = await LabWorld.up(setup, FAMILIES);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => world[Symbol.asyncDispose]());
    let run = 0;
    for (const it of cases) {
      if (it.notInLab !== undefined) continue;
      for (const family of familiesOf(it).filter((each) => FAMILIES.includes(each))) {
        for (const way of waysOf(it)) {
          const attempt = () => runCase(it, world, { way, family, run: run++ });
          await test.step(titleOf(it, way, family), () => inTime(world, attempt));
          if (way === "nat" || !hasErrors(it)) continue;
          // Errors by routers make the server's direct path unable; other cases need it.
          await world[Symbol.asyncDispose]();
          world = await LabWorld.up(setup, FAMILIES);
        }
      }
    }
    await test.step("nothing is left when all timers have fired", async () => {
      assert.deepEqual(await world.end(), []);
    });
  });
}

/** Tries a case again that a busy host made too late for its timers. */
async function inTime(world: LabWorld, attempt: () => Promise<void>): Promise<void> {
  for (let left = TRIES - 1;; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (!world.isLate || left === 0) throw error;
      await world.end();
    }
  }
}

/** Does it have packets that say that something could not be delivered? */
function hasErrors(it: Case): boolean {
  return it.steps.some((step) => JSON.stringify(step).includes('"icmp":{"type"'));
}

/** `CONFORMANCE_ONLY=R-073` runs the cases with that id. */
function isChosen(it: Case): boolean {
  return ONLY === undefined || it.ids.includes(ONLY);
}
