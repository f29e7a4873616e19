import assert from "node:assert/strict";
import { parseNatConfig } from "../config/nat_config.ts";
import type { IdentityPem } from "../control/own_identity.ts";
import { planReload } from "./reload_plan.ts";

const BASE = `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - { name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }] }
`;

async function inForce(text: string, identity: Partial<IdentityPem> | null = null) {
  const config = await parseNatConfig({ file: "/etc/bypath/nat.yaml", text });
  return { config, identity: identity as IdentityPem | null };
}

Deno.test("what cannot be reloaded is named, all of it", async () => {
  const other = BASE.replace("[eth0]", "[eth1]") +
    "capacity: 5\nsocket: /run/other.sock\nstate: /run/other.sessions\nbusyPoll: 50us\n" +
    "workers: 2\ncpus: [0, 1]\nhostShield: true\n";
  const { fixed } = planReload(await inForce(BASE), await inForce(other));
  assert.deepEqual([...fixed].sort(), [
    "busyPoll",
    "capacity",
    "cpus",
    "hostShield",
    "interfaces",
    "socket",
    "state",
    "workers",
  ]);
});

Deno.test("another file behind the same path is a difference, and concerns the control channel alone", async () => {
  const pem = { ca: "a", certificate: "b", key: "c" };
  const before = await inForce(BASE, pem);
  assert.deepEqual(planReload(before, await inForce(BASE, { ...pem })), {
    lines: [],
    fixed: [],
    control: false,
  });
  assert.deepEqual(planReload(before, await inForce(BASE, { ...pem, certificate: "new" })), {
    lines: ["control: other certificates, for new connections"],
    fixed: [],
    control: true,
  });
});

Deno.test("a service is named as it is called now", async () => {
  const renamed = BASE.replace("name: web", "name: shop");
  const { lines } = planReload(await inForce(BASE), await inForce(renamed));
  assert.deepEqual(lines, ["service shop: name web is now shop"]);
});

Deno.test("with several workers affinity cannot come or change, since it says whose sessions are whose", async () => {
  const kept = BASE.replace("port: 80,", "port: 80, affinity: { client: true },");
  const prefix = kept.replace("client: true", "client: { ipv4: 24, ipv6: 64 }");
  for (const [before, after] of [[BASE, kept], [kept, prefix]] as const) {
    assert.deepEqual(planReload(await inForce(before), await inForce(after)).fixed, []);
    const several = "workers: 2\n";
    const { fixed } = planReload(await inForce(before + several), await inForce(after + several));
    assert.deepEqual(fixed, ["affinity (with several packet workers)"]);
  }
});
