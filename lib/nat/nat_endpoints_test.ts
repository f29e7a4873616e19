import assert from "node:assert/strict";
import { regionBytes } from "../session/layout.ts";
import { formatTable } from "../session/session_records.ts";
import { type NewSession, SessionTable } from "../session/session_table.ts";
import { IpAddress } from "../wire/address.ts";
import { config, words } from "./_test_translator.ts";
import { NatEndpoints } from "./nat_endpoints.ts";

const TCP = 6;

/** Endpoints over a small table, and what a client gets of them. */
function endpointsOf(...snat: string[]) {
  return makeEndpoints(...snat).take;
}

function makeEndpoints(...snat: string[]) {
  const region = new ArrayBuffer(regionBytes(16));
  formatTable(region, 16, { epoch: 7, bootId: [] });
  const table = new SessionTable(region, [3, 5]);
  const endpoints = new NatEndpoints(config({ snat: snat.map(words) }), table);
  const take = (client: string, server = 1): string | null => {
    const session = { natAddress: 0, natPort: 0 } as NewSession;
    const addresses = Int32Array.from([...words(client), 0, 0, 0, 0]);
    if (!endpoints.take(session, addresses, server, TCP, 0)) return null;
    const [w0, w1, w2, w3] = table.dictionary.subarray(session.natAddress * 8);
    return `${IpAddress.fromWords(w0!, w1!, w2!, w3!)} ${session.natPort}`;
  };
  const entryOf = (address: string) => table.findEndpoint(Int32Array.from(words(address)), 0, 0);
  return { endpoints, take, entryOf };
}

Deno.test("a client gets a NAT endpoint of its own family", () => {
  const take = endpointsOf("10.0.1.1", "2001:db8:1::1", "10.0.1.2", "2001:db8:1::2");
  for (let host = 1; host <= 8; host++) {
    assert.match(take(`198.51.100.${host}`)!, /^10\.0\.1\.[12] 200\d\d$/);
    assert.match(take(`2001:db8:c::${host}`)!, /^2001:db8:1::[12] 200\d\d$/);
  }
});

Deno.test("one client keeps one SNAT address while that has free ports", () => {
  const take = endpointsOf("2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3");
  const taken = Array.from({ length: 30 }, () => take("2001:db8:c::2")!.split(" ")[0]!);
  for (let i = 0; i < 30; i += 10) assert.equal(new Set(taken.slice(i, i + 10)).size, 1);
  assert.equal(new Set(taken).size, 3);
  assert.equal(take("2001:db8:c::2"), null);
  assert.notEqual(take("2001:db8:c::2", 2), null, "another server has the same endpoints free");
});

Deno.test("there is nothing for a client of a family without SNAT addresses", () => {
  const take = endpointsOf("10.0.1.1");
  assert.equal(take("2001:db8:c::2"), null);
  assert.equal(take("198.51.100.2"), "10.0.1.1 20000");
});

Deno.test("another configuration leaves every session its endpoint, and gives it to nobody else", () => {
  const { endpoints, take, entryOf } = makeEndpoints("10.0.1.1");
  const before = config({ snat: [words("10.0.1.1")] });
  for (let i = 0; i < 3; i++) assert.equal(take("198.51.100.2"), `10.0.1.1 ${20000 + i}`);
  const old = entryOf("10.0.1.1");
  endpoints.configure({ ...before, snat: [words("10.0.1.2")] });
  assert.equal(take("198.51.100.2"), "10.0.1.2 20000");
  assert.ok(endpoints.isNatAddress(old), "sessions live");
  endpoints.configure({ ...before, portFirst: 20001, portLast: 20003 });
  assert.equal(take("198.51.100.2"), "10.0.1.1 20003");
  assert.equal(take("198.51.100.2"), null);
  endpoints.configure({ ...before, snat: [words("10.0.1.2")] });
  for (const port of [20000, 20001, 20002, 20003]) endpoints.release(old, port, 1, TCP);
  assert.ok(!endpoints.isNatAddress(old), "nobody has one of its endpoints");
  assert.ok(endpoints.isNatAddress(entryOf("10.0.1.2")));
});
