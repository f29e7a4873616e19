import assert from "node:assert/strict";
import { takeNamespaceName } from "./namespace_name.ts";

Deno.test("takeNamespaceName() gives a name to one at a time", () => {
  const name = `bypath-test-${crypto.randomUUID()}`;
  {
    using taken = takeNamespaceName(name);
    assert.notEqual(taken, null);
    assert.equal(takeNamespaceName(name), null);
  }
  using again = takeNamespaceName(name);
  assert.notEqual(again, null);
});
