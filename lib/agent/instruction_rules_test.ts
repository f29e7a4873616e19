import assert from "node:assert/strict";
import type { Announcement, Instruction } from "../control/messages.ts";
import { InstructionRules, matchKey, parseInstruction } from "./instruction_rules.ts";

const announced: Announcement = {
  snat: [{ first: "10.0.1.1", last: "10.0.1.9" }, {
    first: "2001:db8:1::1",
    last: "2001:db8:1::1",
  }],
  ports: { first: 1024, last: 2047 },
  services: [
    { name: "web", protocol: "tcp", vip: "203.0.113.10:80" },
    { name: "web6", protocol: "tcp", vip: "[2001:db8:f::10]:80" },
  ],
  servers: ["10.0.0.11:8080"],
};
const rules = new InstructionRules(announced, ["10.0.0.11", "2001:db8:10::b"]);

interface Changes {
  protocol?: "tcp" | "udp";
  from?: string;
  to?: string;
  vip?: string;
  client?: string;
}

function instruction(changes: Changes = {}): Instruction {
  const {
    protocol = "tcp",
    from = "10.0.0.11:8080",
    to = "10.0.1.1:1024",
    vip = "203.0.113.10:80",
    client = "198.51.100.2:40000",
  } = changes;
  return {
    session: "a1",
    generation: 7,
    protocol,
    match: { source: from, destination: to },
    rewrite: { source: vip, destination: client },
  };
}

const problem = (changes: Changes) => rules.problem(parseInstruction(instruction(changes)));

Deno.test("an instruction for an own server, with what was announced, is allowed", () => {
  assert.equal(problem({}), null);
  assert.equal(problem({ to: "10.0.1.9:2047" }), null);
  assert.equal(
    problem({
      from: "[2001:db8:10::b]:8080",
      to: "[2001:db8:1::1]:1024",
      vip: "[2001:db8:f::10]:80",
      client: "[2001:db8:c::1]:40000",
    }),
    null,
  );
});

Deno.test("an instruction that reaches beyond what was announced is forbidden", () => {
  assert.equal(problem({ from: "10.0.0.12:8080" }), "10.0.0.12 is not an address of this agent");
  const notSnat = /was not announced as a SNAT endpoint$/;
  assert.match(problem({ to: "10.0.1.10:1024" })!, notSnat);
  assert.match(problem({ to: "10.0.1.0:1024" })!, notSnat);
  assert.match(problem({ to: "10.0.1.1:1023" })!, notSnat);
  assert.match(problem({ to: "10.0.1.1:2048" })!, notSnat);
  const notService = /was not announced as a service$/;
  assert.match(problem({ vip: "203.0.113.10:81" })!, notService);
  assert.match(problem({ vip: "203.0.113.11:80" })!, notService);
  assert.match(problem({ protocol: "udp" })!, notService);
});

Deno.test("no instruction sends packets to where no client is", () => {
  for (
    const client of [
      "0.0.0.0",
      "127.0.0.1",
      "169.254.1.1",
      "224.1.1.1",
      "255.255.255.255",
      "10.0.0.11",
      "10.0.1.5",
    ]
  ) assert.ok(problem({ client: `${client}:40000` }), client);
  for (const client of ["::", "::1", "fe80::1", "ff02::1", "2001:db8:10::b", "2001:db8:1::1"]) {
    const changes = {
      from: "[2001:db8:10::b]:8080",
      to: "[2001:db8:1::1]:1024",
      vip: "[2001:db8:f::10]:80",
      client: `[${client}]:40000`,
    };
    assert.ok(problem(changes), client);
  }
});

Deno.test("endpoints that are none, with port 0, or of two families, are not read", () => {
  for (
    const changes of [
      { client: "198.51.100.2" },
      { client: "198.51.100.2:0" },
      { client: "198.51.100.2:65536" },
      { client: "198.51.100.256:1" },
      { client: "[2001:db8:c::1]:40000" },
      { from: "10.0.0.011:8080" },
      { from: "[2001:db8:10::b]:8080" },
      { from: "[2001:db8:10::b]:8080", to: "[2001:db8:1::1]:1024" },
    ]
  ) {
    assert.throws(
      () => parseInstruction(instruction(changes)),
      SyntaxError,
      JSON.stringify(changes),
    );
  }
});

Deno.test("matchKey() is the same for every spelling of the same packets", () => {
  const key = (from: string, to: string) =>
    matchKey(parseInstruction(instruction({
      from,
      to,
      vip: "[2001:db8:f::10]:80",
      client: "[2001:db8:c::1]:1",
    })));
  assert.equal(
    key("[2001:db8:10::b]:8080", "[2001:db8:1::1]:1024"),
    key("[2001:0DB8:10:0:0:0:0:B]:8080", "[2001:db8:1:0::1]:1024"),
  );
});

Deno.test("an announcement that cannot be read is an error", () => {
  const bad = { ...announced, snat: [{ first: "10.0.1", last: "10.0.1.9" }] };
  assert.throws(() => new InstructionRules(bad, []), SyntaxError);
});
