import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { clientsOf, DirectPaths } from "./direct_paths.ts";

const SERVER = "tcp 10.0.0.11:8080";
const HERE = { server: SERVER, clients: "198.51.100.0/24" };
const THERE = { server: SERVER, clients: "192.0.2.0/24" };

function setUp() {
  const said: string[] = [];
  const paths = new DirectPaths(({ event, clients }) => said.push(`${event} ${clients ?? "all"}`));
  const fail = (path: typeof HERE, times: number, now: number) => {
    for (let i = 0; i < times; i++) paths.failure(path, "no progress", now);
  };
  return { paths, said, fail };
}

Deno.test("a server from which nothing arrives anywhere is unable, with the reason, and tried again with one session", () => {
  const { paths, said, fail } = setUp();
  fail(HERE, 2, 0);
  assert.equal(paths.admit(HERE, "a", 1), null);
  fail(HERE, 1, 0);
  assert.deepEqual(said, ["path-unable all", "path-unable 198.51.100.0/24"]);
  assert.deepEqual(paths.view(SERVER, 1_000), {
    bypass: "unable",
    reason: "no progress of 3 sessions directly; tried again in 9 s",
  });
  assert.deepEqual(paths.admit(THERE, "b", 1_000), { failures: 3, retryMs: 9_000 });
  // Clients of another network are the first to try.
  assert.deepEqual(paths.admit(HERE, "a", 10_000), { failures: 3, retryMs: 5_000 });
  assert.equal(paths.admit(THERE, "b", 10_000), null);
  assert.deepEqual(paths.admit(THERE, "c", 10_000), { failures: 3, retryMs: 1_000 });
  paths.success(THERE, 11_000);
  assert.deepEqual(said.slice(2), ["path-tried all", "path-able all"]);
  assert.deepEqual(paths.view(SERVER, 11_000), {
    bypass: "able",
    reason: "not for clients of 198.51.100.0/24: no progress",
  });
});

Deno.test("a server that reaches others is unable only where it does not", () => {
  const { paths, said, fail } = setUp();
  for (let i = 0; i < 3; i++) {
    fail(HERE, 1, i);
    paths.success(THERE, i);
  }
  assert.deepEqual(said, ["path-unable 198.51.100.0/24"]);
  assert.equal(paths.view(SERVER, 3).bypass, "able");
  assert.notEqual(paths.admit(HERE, "a", 3), null);
  assert.equal(paths.admit(THERE, "b", 3), null);
  assert.equal(paths.admit({ ...HERE, server: "tcp 10.0.0.12:8080" }, "c", 3), null);
});

Deno.test("a session that waits for the server's trial does not hold the one of its network", () => {
  const { paths, fail } = setUp();
  fail(HERE, 3, 0);
  assert.equal(paths.admit(HERE, "a", 20_000), null);
  assert.deepEqual(paths.admit(THERE, "b", 20_000)?.retryMs, 1_000);
  paths.withdraw(HERE, "a");
  assert.equal(paths.admit(HERE, "c", 20_001), null);
});

Deno.test("quiet is success for a trial, and says nothing of others", () => {
  const { paths, said, fail } = setUp();
  fail(HERE, 3, 0);
  paths.quiet(HERE, "older", 5_000);
  assert.equal(paths.view(SERVER, 5_000).bypass, "unable");
  paths.admit(HERE, "trial", 20_000);
  paths.quiet(HERE, "trial", 25_000);
  assert.deepEqual(paths.view(SERVER, 25_000), { bypass: "able", reason: null });
  assert.deepEqual(said.slice(-2), ["path-able all", "path-able 198.51.100.0/24"]);
});

Deno.test("servers that are no longer configured are forgotten", () => {
  const { paths, fail } = setUp();
  fail(HERE, 3, 0);
  paths.keep((server) => server !== SERVER);
  assert.deepEqual(paths.view(SERVER, 1), { bypass: "able", reason: null });
  assert.equal(paths.admit(HERE, "a", 1), null);
});

Deno.test("clients are told apart by /24 and /56", () => {
  const of = (text: string) => clientsOf(IpAddress.parse(text));
  assert.equal(of("198.51.100.255"), "198.51.100.0/24");
  assert.equal(of("2001:db8:c:1ff:2::3"), "2001:db8:c:100::/56");
});
