import assert from "node:assert/strict";
import { EXPRESSION_FIELDS, readExpression, type SessionFields } from "./expression.ts";

const SESSION: SessionFields = {
  service: "web",
  protocol: "tcp",
  client: "198.51.100.7",
  clientPort: 40_001,
  vip: "203.0.113.10",
  vipPort: 80,
  server: "10.0.0.11",
  serverPort: 8080,
  packets: 12,
  bytes: 70_000,
  packetsFromClient: 9,
  bytesFromClient: 900,
  ageMs: 1500.4,
  rate: 1_000_000,
  packetRate: 800.5,
};

function ask(text: string, changes: Partial<SessionFields> = {}) {
  return readExpression(text).evaluate({ ...SESSION, ...changes });
}

Deno.test("an expression asks for the fields of a session", () => {
  for (
    const text of [
      "client.startsWith('198.51.100.') && vipPort == 80",
      "bytes > 10 * packets && ageMs < 2000",
      "rate >= 1e6 || protocol == 'udp'",
      "server in ['10.0.0.11', '10.0.0.12'] && serverPort != 80",
      "clientPort % 2 == 1",
      "double(bytes) / double(packets) > 5000.0",
      "['web', 'shop'].exists(name, name == service)",
      "service.matches('^w.b$')",
      "packetRate > 800.0 ? bytesFromClient < 1000 : packetsFromClient > 100",
      "rate > 5 && bytes > 1.5",
    ]
  ) assert.equal(ask(text), true, text);
  assert.equal(ask("client == '198.51.100.8'"), false);
});

Deno.test("every documented field is there with its type", () => {
  for (const [name, type] of Object.entries(EXPRESSION_FIELDS)) {
    assert.equal(ask(`type(${name}) == ${type}`), true, name);
    assert.ok(name in SESSION);
  }
});

Deno.test("what is not CEL is refused with its place", () => {
  assert.throws(() => readExpression("bytes > "), {
    name: "SyntaxError",
    message: /^not an expression at character 7: found > /,
  });
  for (const text of ["(", "a b", "1 +", "client = 'x'", "'open"]) {
    assert.throws(() => readExpression(text), SyntaxError, text);
  }
  assert.throws(() => readExpression("(".repeat(2000)), SyntaxError);
});

Deno.test("what cannot be evaluated is refused, also where another part would decide", () => {
  const refused = (text: string, message: RegExp) =>
    assert.throws(() => readExpression(text), { name: "TypeError", message }, text);
  refused("size > 5", /^there is no field "size": there are service, /);
  refused(
    "true || clientPort.startsWith('4')",
    /^"startsWith" cannot be applied to int\.\(string\)$/,
  );
  refused(
    "bytes > 10 && client > 5",
    /^">" cannot be applied to \(string, int\)$/,
  );
  refused(
    "bytes * 1.5 > 1.0",
    /^"\*" cannot be applied to \(int, double\), both have to be of one type: write 8.0 for 8/,
  );
  refused("true || [1].exists(x, x == foo)", /^there is no field "foo"/);
  refused("true || [1].exists(x, x > client)", /^">" cannot be applied to \(int, string\)$/);
  refused("bytes && true", /^type mismatch: expected bool, got int$/);
  refused("bytes ? true : false", /^"\?:" cannot be applied to \(int\)$/);
  refused("client in 5", /^"in" cannot be applied to \(string, int\)$/);
  refused("client.matches('(')", /parsing regexp/);
  refused("inside(client)", /^there is no function "inside"$/);
  refused("client.port > 5", /field not found: port/);
  refused("bytes", /^"bytes" is a number, not true or false$/);
  refused("client", /^"client" is a text, not true or false$/);
  refused("[1]", /^"\[1\]" is a value of another kind/);
});

Deno.test("an error of the values is an answer, with its reason", () => {
  assert.deepEqual(ask("bytes / packets > 1", { packets: 0 }), { error: "int divide by zero" });
  assert.equal(ask("bytes / packets > 1"), true);
  assert.equal(ask("{'shop': 5, 'web': 50}[service] > 10"), true);
  assert.deepEqual(ask("{'shop': 5}[service] > 10"), { error: "field not found: web" });
});

Deno.test("rates are asked for only by name", () => {
  assert.equal(readExpression("rate > 1.0").metered, true);
  assert.equal(readExpression("[1, 2].exists(n, double(n) < packetRate)").metered, true);
  assert.equal(readExpression("bytes > 1").metered, false);
});

Deno.test("as JSON an expression is its text", () => {
  assert.equal(JSON.stringify({ where: readExpression("bytes > 1") }), '{"where":"bytes > 1"}');
});
