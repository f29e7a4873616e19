import assert from "node:assert/strict";
import {
  effectiveCapabilities,
  hasCapability,
  missingCapabilities,
  parseCapabilities,
} from "./capabilities.ts";

Deno.test("parseCapabilities() reads the effective set", () => {
  const status = "Name:\tdeno\nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000003000\nCapBnd:\t0\n";
  assert.deepEqual(parseCapabilities(status), ["CAP_NET_ADMIN", "CAP_NET_RAW"]);
  assert.deepEqual(parseCapabilities("CapEff:\t0000000000000000\n"), []);
  assert.equal(parseCapabilities("CapEff:\t000001ffffffffff\n").at(-1), "CAP_CHECKPOINT_RESTORE");
  assert.throws(() => parseCapabilities("Name:\tdeno\n"), SyntaxError);
});

Deno.test("what this process has and what it lacks do not overlap", () => {
  const wanted = ["CAP_NET_ADMIN", "CAP_BPF"] as const;
  const missing = missingCapabilities(wanted);
  for (const name of wanted) {
    assert.equal(hasCapability(name), !missing.includes(name));
    assert.equal(hasCapability(name), effectiveCapabilities().includes(name));
  }
});
