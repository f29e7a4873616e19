import assert from "node:assert/strict";
import { WarmUp } from "./warm_up.ts";

Deno.test("warming up comes to an end, and every session of it is taken", () => {
  const warmUp = new WarmUp();
  let steps = 1;
  while (warmUp.step()) steps++;
  assert.ok(steps > 1);
  assert.equal(warmUp.sessions, 2 * 16 * steps);
  assert.ok(!warmUp.step());
});
