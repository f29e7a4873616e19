import assert from "node:assert/strict";
import { describeServers } from "./describe_servers.ts";
import { parseNatConfig, type ServiceConfig } from "./nat_config.ts";
import { ConfigError, formatProblem } from "./problem.ts";

/** One service with these keys besides. */
function textWith(keys: string): string {
  return `
interfaces: [eth0]
snat: { addresses: [10.0.1.1] }
services:
  - { name: web, vip: 203.0.113.10, port: 80, servers: [{ address: 10.0.0.11 }], ${keys} }
`;
}

function serviceWith(keys: string): ServiceConfig {
  return parseNatConfig({ file: "nat.yaml", text: textWith(keys) }).services[0]!;
}

/** What is wrong, without file and line. */
function problemsOf(keys: string): string[] {
  try {
    serviceWith(keys);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((it) => formatProblem(it).replace(/^.*: services\[0\]\./, ""));
  }
  return [];
}

Deno.test("a check by HTTP has defaults for everything, and takes single statuses and ranges", () => {
  const timing = { intervalMs: 2000, timeoutMs: 1000, rise: 2, fall: 3 };
  assert.deepEqual(serviceWith("health: { http: {} }").health, {
    http: { path: "/", status: [{ first: 200, last: 399 }] },
    ...timing,
  });
  const full = 'health: { http: { path: "/up?a=1", status: [200, "300-302"], host: www.example } }';
  assert.deepEqual(serviceWith(full).health, {
    http: {
      path: "/up?a=1",
      status: [{ first: 200, last: 200 }, { first: 300, last: 302 }],
      host: "www.example",
    },
    ...timing,
  });
});

Deno.test("exactly one kind of check; passive signs beside it or alone", () => {
  assert.deepEqual(problemsOf("health: { tcp: {}, http: {} }"), [
    "health: tcp and http are too many: one of tcp, http, agent",
  ]);
  assert.deepEqual(problemsOf("health: { interval: 5s }"), [
    "health: needs one of tcp, http, agent, or passive alone",
  ]);
  assert.deepEqual(serviceWith("health: { passive: {} }").health?.passive, {
    failures: 5,
    withinMs: 10_000,
  });
  assert.deepEqual(
    serviceWith("health: { tcp: {}, passive: { failures: 3, within: 1m } }").health?.passive,
    { failures: 3, withinMs: 60_000 },
  );
});

Deno.test("what cannot work is an error: no agents, no TCP, what would end a request line", () => {
  assert.deepEqual(problemsOf("health: { agent: {} }"), [
    "health.agent: needs a control section: no agent connects",
  ]);
  assert.deepEqual(problemsOf("protocol: udp, health: { passive: {} }"), [
    "health.passive: udp has no answer that every session begins with: only tcp shows signs",
  ]);
  assert.deepEqual(problemsOf('health: { http: { path: "/a b" } }'), [
    'health.http.path: "/a b" is not a path: it begins with "/" and has no spaces',
  ]);
  assert.deepEqual(problemsOf('health: { http: { path: "/\\r\\nX: y", host: "a b" } }'), [
    'health.http.path: "/\\r\\nX: y" is not a path: it begins with "/" and has no spaces',
    'health.http.host: "a b" is not the name of a host',
  ]);
  assert.deepEqual(problemsOf("health: { http: { status: [200-99] } }"), [
    'health.http.status[0]: "200-99" is not a status such as 200, or a range such as 200-399',
  ]);
  assert.deepEqual(problemsOf("slowStart: 10"), [
    "slowStart: expected a duration with its unit, such as 500ms, 10s or 5m, got 10",
  ]);
});

Deno.test("affinity is by whole addresses or by prefixes", () => {
  assert.equal(serviceWith("scheduler: maglev").affinity, undefined);
  assert.deepEqual(serviceWith("affinity: { client: true }").affinity, {
    ipv4: 32,
    ipv6: 128,
    timeoutMs: 600_000,
  });
  assert.deepEqual(serviceWith("affinity: { client: { ipv6: 56 }, timeout: 1h }").affinity, {
    ipv4: 32,
    ipv6: 56,
    timeoutMs: 3_600_000,
  });
  assert.deepEqual(problemsOf("affinity: { client: { ipv4: 33 } }"), [
    "affinity.client.ipv4: 33 is too large: at most 32",
  ]);
  assert.deepEqual(problemsOf("affinity: { timeout: 1h }"), ["affinity.client: missing"]);
});

Deno.test("nat check says what it means", () => {
  const lines = (keys: string) => describeServers(serviceWith(keys));
  assert.deepEqual(
    lines(
      "health: { http: { path: /up, host: a.example }, passive: {} }, slowStart: 30s, affinity: { client: true }",
    ),
    [
      "health: HTTP GET /up of a.example, good with status 200-399, every 2s, failed after 1s; up after 2 good, down after 3 bad",
      "health: down after 5 sessions in a row refused or not answered within 10s",
      "slow start: the share of a server that comes up or is added rises to its weight within 30s",
      "affinity: clients of one address stay with their server, until 10m after their last session",
    ],
  );
  assert.deepEqual(lines("affinity: { client: { ipv4: 24, ipv6: 56 } }"), [
    "health: not checked, every server counts as able",
    "affinity: clients of one prefix (IPv4 /24, IPv6 /56) stay with their server, until 10m after their last session",
  ]);
});
