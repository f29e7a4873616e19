import assert from "node:assert/strict";
import { closest, editDistance } from "./suggest.ts";

Deno.test("editDistance() counts a swap of neighbours as one", () => {
  assert.equal(editDistance("prot", "port"), 1);
  assert.equal(editDistance("schedular", "scheduler"), 1);
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("same", "same"), 0);
});

Deno.test("closest() finds what was probably meant, whatever its case", () => {
  const keys = ["interfaces", "snat", "services", "control", "announce"];
  assert.equal(closest("contol", keys), "control");
  assert.equal(closest("Services", keys), "services");
  assert.equal(closest("sant", keys), "snat");
});

Deno.test("closest() stays silent when nothing is near", () => {
  assert.equal(closest("frobnicate", ["snat", "vip"]), undefined);
  assert.equal(closest("x", ["y"]), undefined);
  assert.equal(closest("anything", []), undefined);
});
