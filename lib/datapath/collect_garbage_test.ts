import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { collectGarbage } from "./collect_garbage.ts";

Deno.test("collectGarbage() leaves nothing that is not used, and `gc` to nobody", async () => {
  const kept = { name: "kept" };
  const [lost, held] = [new WeakRef({ name: "lost" }), new WeakRef(kept)];
  // Whatever a WeakRef was made for lives until the end of the turn (ECMA-262, AddToKeptObjects).
  await setTimeout(0);
  collectGarbage();
  assert.equal(lost.deref(), undefined);
  assert.equal(held.deref(), kept);
  assert.equal("gc" in globalThis, false);
});
