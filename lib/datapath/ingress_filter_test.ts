import assert from "node:assert/strict";
import fc from "fast-check";
import { run } from "./_test_filter.ts";
import { IpAddress } from "../wire/address.ts";
import { contains, parsePrefix, type Prefix } from "../wire/prefix.ts";
import { exactFilter, ingressFilter } from "./ingress_filter.ts";

function frameTo(address: IpAddress): Uint8Array {
  const frame = new Uint8Array(80);
  const v4 = address.family === 4;
  frame.set(v4 ? [0x08, 0x00] : [0x86, 0xdd], 12);
  frame.set(address.toBytes(), v4 ? 30 : 38);
  return frame;
}

const prefixes: Prefix[] = [
  "203.0.113.10",
  "10.0.1.0/24",
  "10.8.0.0/15",
  "2001:db8:f::10",
  "2001:db8:1::/64",
  "2001:db8:80::/41",
].map(parsePrefix);

Deno.test("the filter takes a packet exactly when one of the prefixes holds its destination", () => {
  const program = ingressFilter(prefixes);
  const near = fc.constantFrom(...prefixes).chain((prefix) =>
    fc.uint8Array({
      minLength: prefix.address.toBytes().length,
      maxLength: prefix.address.toBytes().length,
    }).chain((noise) =>
      fc.integer({ min: 0, max: noise.length }).map((keep) => {
        const bytes = prefix.address.toBytes();
        return IpAddress.fromBytes(bytes.map((byte, i) => i < keep ? byte : noise[i]!));
      })
    )
  );
  fc.assert(
    fc.property(near, (address) => {
      const expected = prefixes.some((prefix) => contains(prefix, address));
      assert.equal(run(program, frameTo(address)) > 0, expected, String(address));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("other Ethernet types are left alone, and no prefix takes nothing", () => {
  const arp = new Uint8Array(80);
  arp.set([0x08, 0x06], 12);
  assert.equal(run(ingressFilter(prefixes), arp), 0);
  assert.equal(run(ingressFilter([]), frameTo(IpAddress.parse("1.2.3.4"))), 0);
});

Deno.test("a frame that ends before its destination is taken, to be counted", () => {
  const program = ingressFilter(prefixes);
  const frame = frameTo(IpAddress.parse("192.0.2.1"));
  assert.equal(run(program, frame.slice(0, 34)), 0);
  assert.ok(run(program, frame.slice(0, 33)) > 0);
});

Deno.test("more prefixes than a filter holds take the whole family", () => {
  const many = Array.from({ length: 3000 }, (_, i) => parsePrefix(`10.${i >> 8}.${i & 255}.1`));
  const program = ingressFilter(many);
  assert.ok(program.length < 4096);
  assert.ok(run(program, frameTo(IpAddress.parse("192.0.2.1"))) > 0);
  assert.equal(exactFilter(many), null);
  assert.deepEqual(exactFilter(prefixes), ingressFilter(prefixes));
});

Deno.test("a frame with a VLAN tag, which the kernel keeps beside it, is of another network", () => {
  const program = ingressFilter(prefixes);
  for (const address of ["203.0.113.10", "2001:db8:f::10"]) {
    const frame = frameTo(IpAddress.parse(address));
    assert.notEqual(run(program, frame), 0);
    assert.equal(run(program, frame, { tagged: true }), 0);
  }
});
