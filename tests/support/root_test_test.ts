import assert from "node:assert/strict";
import { missingCapabilities, missingTools } from "./root_test.ts";

Deno.test("missingTools() names what is in no folder of PATH, and nothing else", () => {
  assert.deepEqual(missingTools(["sh", "no-such-program"]), ["no-such-program"]);
});

Deno.test("missingCapabilities() agrees with what the kernel lets this process do", () => {
  const { success } = new Deno.Command("unshare", { args: ["--net", "true"], stderr: "null" })
    .outputSync();
  assert.equal(missingCapabilities(["CAP_SYS_ADMIN"]).length === 0, success);
});
