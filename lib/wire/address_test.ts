import assert from "node:assert/strict";
import fc from "fast-check";
import { equalEndpoints, formatEndpoint, IpAddress, parseEndpoint } from "./address.ts";

Deno.test("parse() reads both families and toString() writes them canonically", () => {
  const cases = [
    ["198.51.100.2", "198.51.100.2"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    // RFC 5952 section 4.2: the longest run of zeros, the first of equals, never one group alone.
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::102:304", "::102:304"],
    ["::1.2.3.4", "::102:304"],
  ] as const;
  for (const [text, canonical] of cases) {
    assert.equal(IpAddress.parse(text).toString(), canonical, text);
  }
});

Deno.test("parse() takes a mapped address for the IPv4 address that it is", () => {
  const address = IpAddress.parse("::ffff:10.0.0.1");
  assert.equal(address.family, 4);
  assert.equal(address.toString(), "10.0.0.1");
  assert.deepEqual([...address.words], [0, 0, 0xffff, 0x0a000001]);
  assert.ok(address.equals(IpAddress.parse("::ffff:a00:1")));
});

Deno.test("parse() refuses what is no address or could be read in two ways", () => {
  const texts = [
    "",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "0x0a.0.0.1",
    "10.0.0.1/24",
    "10.0.0.1 ",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "fe80::1%eth0",
    "[::1]",
    "::ffff:010.0.0.1",
    "::ffff:1.2.3.4.5",
    "localhost",
  ];
  for (const text of texts) assert.throws(() => IpAddress.parse(text), SyntaxError, text);
});

Deno.test("words are signed and in network order", () => {
  const address = IpAddress.parse("2001:db8:ffff:ffff:8000::ffff:fffe");
  assert.deepEqual([...address.words], [0x20010db8, -1, -0x80000000, -2]);
});

Deno.test("bytes, words and text all lead back to the same address", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(bytes, (original) => {
    const address = IpAddress.fromBytes(original);
    const [w0, w1, w2, w3] = address.words as unknown as [number, number, number, number];
    assert.ok(IpAddress.parse(address.toString()).equals(address));
    assert.ok(IpAddress.fromBytes(address.toBytes()).equals(address));
    assert.ok(IpAddress.fromWords(w0 >>> 0, w1 >>> 0, w2 >>> 0, w3 >>> 0).equals(address));
    assert.equal(JSON.stringify(address), `"${address}"`);
  }));
});

Deno.test("fromBytes() takes 4 or 16 bytes only", () => {
  assert.throws(() => IpAddress.fromBytes(new Uint8Array(5)), RangeError);
});

Deno.test("compare() orders as the unsigned numbers do", () => {
  const sorted = [
    "::1",
    "0.0.0.1",
    "9.255.255.255",
    "10.0.0.1",
    "200.0.0.1",
    "2001:db8::1",
    "ff02::1",
  ];
  const addresses = sorted.map((text) => IpAddress.parse(text));
  const shuffled = [3, 0, 6, 2, 5, 1, 4].map((index) => addresses[index]!);
  shuffled.sort((a, b) => a.compare(b));
  assert.deepEqual(shuffled.map(String), sorted);
  assert.equal(addresses[0]!.compare(addresses[0]!), 0);
});

Deno.test("parseEndpoint() and formatEndpoint() agree", () => {
  for (const text of ["10.0.0.1:80", "[2001:db8::1]:65535", "0.0.0.0:0"]) {
    assert.equal(formatEndpoint(parseEndpoint(text)), text);
  }
  const a = parseEndpoint("10.0.0.1:80");
  assert.ok(equalEndpoints(a, parseEndpoint("10.0.0.1:80")));
  assert.ok(!equalEndpoints(a, parseEndpoint("10.0.0.1:81")));
  assert.ok(!equalEndpoints(a, parseEndpoint("10.0.0.2:80")));
});

Deno.test("parseEndpoint() refuses what is not exactly an address and a port", () => {
  const texts = ["10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:0x50"]
    .concat(["2001:db8::1:80", "[10.0.0.1]:80", "[::1]", "web:80", ":80", "10.0.0.1:80 "]);
  for (const text of texts) assert.throws(() => parseEndpoint(text), SyntaxError, text);
});
