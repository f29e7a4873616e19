import assert from "node:assert/strict";
import { missingTools } from "./root_test.ts";

Deno.test("missingTools() names what is in no folder of PATH, and nothing else", () => {
  assert.deepEqual(missingTools(["sh", "no-such-program"]), ["no-such-program"]);
});
