import assert from "node:assert/strict";
import { explainResponse, type ResponseContext } from "./explain_response.ts";

const NAT = "10.0.0.1:7400";
const held = {
  id: 1,
  session: "k3x9-1a",
  generation: 7,
  protocol: "tcp" as const,
  match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" },
  rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
  nat: NAT,
  state: "live" as const,
  packets: 3,
  bytes: 300,
  lastUsedMs: null,
  leaseMs: 9_000,
};
const context: ResponseContext = {
  ability: { able: true, reason: null },
  device: "bypath0",
  links: [{ address: NAT, connected: true, name: "nat", reason: null }],
  announced: new Map([[NAT, {
    snat: [{ first: "10.0.1.1", last: "10.0.1.2" }],
    ports: { first: 1024, last: 65535 },
    services: [{ name: "web", protocol: "tcp", vip: "203.0.113.10:80" }],
    servers: ["10.0.0.11:8080"],
  }]]),
  instructions: () => [held],
};
const packet = { protocol: "tcp", source: "10.0.0.11:8080", destination: "10.0.1.1:1024" };
const DIRECT = "sent to 198.51.100.2:40000 directly, bypassing the NAT machine";
const VIA_NAT = "sent unchanged to the NAT machine";

Deno.test("an agent says what becomes of a response, and by which rule", () => {
  const cases: [change: object, context: object, verdict: string, rule: [string, string]][] = [
    [{}, {}, DIRECT, ["lease", "9s"]],
    [{ fragment: true }, {}, VIA_NAT, ["fragment", "via NAT"]],
    [{ destination: "10.0.1.2:9" }, {}, VIA_NAT, ["instruction", "none"]],
    [{ destination: "192.0.2.1:9" }, {}, "sent by the server's own routes", [
      "direction",
      "none of ours",
    ]],
    [{ destination: "[2001:db8::1]:9" }, {}, "sent by the server's own routes", [
      "direction",
      "none of ours",
    ]],
    [{ protocol: "icmp" }, {}, VIA_NAT, ["protocol", "icmp"]],
    [{}, { ability: { able: false, reason: "rp_filter" } }, VIA_NAT, ["able", "no"]],
    [{}, { ability: { able: true, reason: "x", unable: { ipv4: "mtu" } } }, VIA_NAT, [
      "able",
      "no",
    ]],
    [{}, { instructions: () => [{ ...held, leaseMs: 0 }] }, VIA_NAT, ["lease", "run out"]],
    [{}, { instructions: () => [{ ...held, state: "removing" }] }, VIA_NAT, [
      "instruction",
      "k3x9-1a generation 7, removing",
    ]],
    [{}, { instructions: () => [{ ...held, pathMtu: 1280 }] }, DIRECT, ["path MTU", "1280 bytes"]],
  ];
  for (const [change, other, verdict, [step, result]] of cases) {
    const said = explainResponse({ ...packet, ...change }, { ...context, ...other });
    assert.equal(said.verdict, verdict, JSON.stringify(said));
    assert.equal(said.steps.find((it) => it.step === step)?.result, result, JSON.stringify(said));
  }
});
