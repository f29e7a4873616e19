import assert from "node:assert/strict";
import { NO_COUNTERS, type TableEntry } from "../control/messages.ts";
import { parseEndpoint } from "../wire/address.ts";
import { parseAddressRange } from "../wire/prefix.ts";
import { type RebuildRules, sessionsToRebuild } from "./instruction_rebuild.ts";

const RULES: RebuildRules = {
  services: [{
    protocol: "tcp",
    vip: parseEndpoint("203.0.113.10:80"),
    servers: [{ address: parseEndpoint("10.0.0.11:8080") }],
  }],
  snat: { addresses: [parseAddressRange("10.0.1.1-10.0.1.2")], portFirst: 1024, portLast: 2000 },
  agentAddresses: ["10.0.0.11"],
};

function offer(changes: Partial<TableEntry> = {}): TableEntry {
  return {
    session: "old-1",
    generation: 7,
    epoch: "old",
    protocol: "tcp",
    match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" },
    rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
    ...NO_COUNTERS,
    ...changes,
  };
}

Deno.test("a session that the configuration allows is rebuilt with its four endpoints", () => {
  const { sessions, left } = sessionsToRebuild([offer({ pathMtu: 1280, fin: true })], RULES);
  assert.deepEqual(left, {});
  assert.deepEqual(sessions, [{
    protocol: 6,
    client: { words: [0, 0, 0xffff, 0xc6336402 | 0], port: 40000 },
    vip: { words: [0, 0, 0xffff, 0xcb00710a | 0], port: 80 },
    nat: { words: [0, 0, 0xffff, 0x0a000101], port: 1024 },
    server: { words: [0, 0, 0xffff, 0x0a00000b], port: 8080 },
    pathMtu: 1280,
    serverFin: true,
  }]);
});

const REFUSED: readonly [string, string, Partial<TableEntry>][] = [
  ["whose server sent RST", "over", { rst: true }],
  ["of a service that is gone", "no such service", {
    rewrite: { source: "203.0.113.11:80", destination: "198.51.100.2:40000" },
  }],
  ["of the other protocol", "no such service", { protocol: "udp" }],
  ["of a server that is gone", "no such server", {
    match: { source: "10.0.0.11:8081", destination: "10.0.1.1:1024" },
  }],
  ["of another agent's server", "not the agent's server", {
    match: { source: "10.0.0.12:8080", destination: "10.0.1.1:1024" },
  }],
  ["with a NAT address that is gone", "no such NAT endpoint", {
    match: { source: "10.0.0.11:8080", destination: "10.0.1.3:1024" },
  }],
  ["with a NAT port that is gone", "no such NAT endpoint", {
    match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1023" },
  }],
  ["whose client would be a VIP", "not a client", {
    rewrite: { source: "203.0.113.10:80", destination: "203.0.113.10:40000" },
  }],
  ["with an endpoint that is none", "unreadable", {
    rewrite: { source: "203.0.113.10:80", destination: "nowhere" },
  }],
  ["of two families", "unreadable", {
    rewrite: { source: "203.0.113.10:80", destination: "[2001:db8::1]:40000" },
  }],
];
for (const [what, why, changes] of REFUSED) {
  Deno.test(`a session ${what} is not rebuilt, and the reason is counted`, () => {
    const { sessions, left } = sessionsToRebuild([offer(changes)], RULES);
    assert.deepEqual([sessions, left], [[], { [why]: 1 }]);
  });
}

Deno.test("of two sessions with one NAT endpoint the one that is offered later counts", () => {
  const later = { source: "203.0.113.10:80", destination: "198.51.100.2:50000" };
  const offers = [offer(), offer({ session: "old-2", rewrite: later })];
  const { sessions, left } = sessionsToRebuild(offers, RULES);
  assert.deepEqual(sessions.map(({ client }) => client.port), [50000]);
  assert.deepEqual(left, { superseded: 1 });
});

Deno.test("of two sessions of one client endpoint the one that is offered later counts", () => {
  const later = { source: "10.0.0.11:8080", destination: "10.0.1.2:1500" };
  const { sessions } = sessionsToRebuild([offer(), offer({ match: later })], RULES);
  assert.deepEqual(sessions.map(({ nat }) => nat.port), [1500]);
});
