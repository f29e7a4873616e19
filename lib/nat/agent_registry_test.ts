import assert from "node:assert/strict";
import { parseNatConfig } from "../config/nat_config.ts";
import { AgentRegistry, announcementFor } from "./agent_registry.ts";

const CONFIG = parseNatConfig({
  file: "nat.yaml",
  text: `
interfaces: [eth0]
snat: { addresses: [10.0.1.0/30, 2001:db8:1::/126], ports: 2000-2999 }
services:
  - name: web
    vip: 203.0.113.10
    port: 80
    servers: [{ address: 10.0.0.11 }, { address: 10.0.0.12, port: 8080 }]
  - name: web6
    vip: 2001:db8:f::10
    port: 80
    servers: [{ address: 2001:db8:10::11 }]
`,
});

Deno.test("an agent is told what concerns its servers, and no addresses of another family", () => {
  assert.deepEqual(announcementFor(CONFIG, ["10.0.0.12"]), {
    snat: [{ first: "10.0.1.0", last: "10.0.1.3" }],
    ports: { first: 2000, last: 2999 },
    services: [{ name: "web", protocol: "tcp", vip: "203.0.113.10:80" }],
    servers: ["10.0.0.12:8080"],
  });
  assert.deepEqual(announcementFor(CONFIG, ["10.0.0.11", "2001:db8:10::11"]), {
    snat: [
      { first: "10.0.1.0", last: "10.0.1.3" },
      { first: "2001:db8:1::", last: "2001:db8:1::3" },
    ],
    ports: { first: 2000, last: 2999 },
    services: [
      { name: "web", protocol: "tcp", vip: "203.0.113.10:80" },
      { name: "web6", protocol: "tcp", vip: "[2001:db8:f::10]:80" },
    ],
    servers: ["10.0.0.11:80", "[2001:db8:10::11]:80"],
  });
  assert.deepEqual(announcementFor(CONFIG, ["10.0.0.99"]).snat, []);
});

Deno.test("an agent that cannot bypass in one family can in the other", () => {
  const agents = new AgentRegistry();
  const addresses = ["10.0.0.11", "2001:db8:10::11"];
  const reason = "rp_filter is strict on eth0";
  const unable = { ipv4: reason };
  agents.connected("s1", addresses, { able: true, reason, unable, instance: "i1", now: 1 });
  assert.deepEqual(agents.stateFor("10.0.0.11:80"), {
    name: "s1",
    able: false,
    silent: false,
    lastReportMs: 1,
  });
  assert.deepEqual(agents.stateFor("[2001:db8:10::11]:80"), {
    name: "s1",
    able: true,
    silent: false,
    lastReportMs: 1,
  });
  assert.equal(agents.stateFor("10.0.0.12:80"), undefined);
  assert.deepEqual(agents.view("10.0.0.11:80"), { connected: true, bypass: "unable", reason });
  assert.deepEqual(agents.view("[2001:db8:10::11]:80"), {
    connected: true,
    bypass: "able",
    reason: null,
  });
});

Deno.test("an agent is silent from when its reports stay away, until the next one", () => {
  const agents = new AgentRegistry();
  const agent = agents.connected("s1", ["10.0.0.11"], {
    able: true,
    reason: null,
    instance: "i1",
    now: 1_000,
  });
  const fallen = (now: number) => [...agents.fallSilent(now, 2_500)].map(({ name }) => name);
  assert.deepEqual(fallen(3_500), []);
  assert.deepEqual(fallen(3_501), ["s1"]);
  assert.deepEqual(fallen(3_600), [], "it is told once");
  assert.deepEqual(agents.stateFor("10.0.0.11:80"), {
    name: "s1",
    able: false,
    silent: true,
    lastReportMs: 1000,
  });
  assert.equal(agents.view("10.0.0.11:80").bypass, "unable");
  agent.silent = false;
  agent.lastReportMs = 4_000;
  assert.deepEqual(fallen(4_100), []);
  assert.equal(agents.view("10.0.0.11:80").bypass, "able");
  // What is dead is not silent.
  agent.gone = true;
  assert.deepEqual(fallen(60_000), []);
});
