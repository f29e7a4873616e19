import assert from "node:assert/strict";
import { parseEndpointFilter } from "./endpoint_filter.ts";

function matches(filter: string, endpoint: string): boolean {
  return parseEndpointFilter("client", filter).matches(endpoint);
}

Deno.test("an address, a prefix, an address with a port, and a port alone are filters", () => {
  const cases: [string, string, boolean][] = [
    ["10.0.0.1", "10.0.0.1:80", true],
    ["10.0.0.1", "10.0.0.2:80", false],
    ["10.0.0.1:80", "10.0.0.1:80", true],
    ["10.0.0.1:80", "10.0.0.1:81", false],
    ["10.0.0.0/23", "10.0.1.255:1", true],
    ["10.0.0.0/23", "10.0.2.0:1", false],
    ["0.0.0.0/0", "255.1.2.3:1", true],
    ["0.0.0.0/0", "[2001:db8::1]:1", false],
    [":443", "10.0.0.1:443", true],
    [":443", "[2001:db8::1]:443", true],
    [":443", "10.0.0.1:80", false],
    ["2001:db8::1", "[2001:db8::1]:80", true],
    ["[2001:db8::1]", "[2001:db8::1]:80", true],
    ["[2001:db8::1]:80", "[2001:db8::1]:80", true],
    ["[2001:db8::1]:80", "[2001:db8::1]:81", false],
    ["2001:db8::/33", "[2001:db8:7fff::1]:80", true],
    ["2001:db8::/33", "[2001:db8:8000::1]:80", false],
    ["::/0", "[::1]:80", true],
    ["::/0", "10.0.0.1:80", false],
  ];
  for (const [filter, endpoint, expected] of cases) {
    assert.equal(matches(filter, endpoint), expected, `${filter} and ${endpoint}`);
  }
});

Deno.test("anything else is wrong usage that names the option", () => {
  const wrong = ["", "web", "10.0.0", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:http", ":0x50"];
  for (const text of [...wrong, "10.0.0.0/33", "[2001:db8::1", "2001:db8::1:80:", "[]:80"]) {
    assert.throws(() => parseEndpointFilter("client", text), (error: Error & { exit: number }) => {
      assert.ok(error.message.startsWith(`Cannot use --client ${text}: need ADDRESS, `));
      assert.equal(error.exit, 2);
      return true;
    });
  }
});
