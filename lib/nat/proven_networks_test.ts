import assert from "node:assert/strict";
import { ProvenNetworks } from "./proven_networks.ts";

const [HERE, THERE, ELSEWHERE] = ["198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"] as const;
const SERVER = "10.0.0.11";

Deno.test("a server reaches others once something arrived in another network, for ten minutes", () => {
  const proven = new ProvenNetworks();
  proven.note(SERVER, HERE, 0);
  assert.equal(proven.reachesOthers(SERVER, HERE, 1), false);
  assert.equal(proven.reachesOthers(SERVER, THERE, 1), true);
  proven.note(SERVER, THERE, 2);
  assert.equal(proven.reachesOthers(SERVER, HERE, 3), true);
  assert.equal(proven.reachesOthers(SERVER, HERE, 600_002), false);
  assert.equal(proven.reachesOthers("10.0.0.12", HERE, 3), false);
});

Deno.test("of three networks the one that was reached last and another are known", () => {
  const proven = new ProvenNetworks();
  for (const [at, clients] of [HERE, THERE, HERE, ELSEWHERE].entries()) {
    proven.note(SERVER, clients, at);
  }
  for (const clients of [HERE, THERE, ELSEWHERE]) {
    assert.equal(proven.reachesOthers(SERVER, clients, 4), true, clients);
  }
  proven.keep(() => false);
  assert.equal(proven.reachesOthers(SERVER, THERE, 4), false);
});
