import assert from "node:assert/strict";
import { IpAddress } from "../wire/address.ts";
import { clientsOf, DirectPaths } from "./direct_paths.ts";

const SERVER = "10.0.0.11";
const HERE = { server: SERVER, clients: "198.51.100.0/24" };
const THERE = { server: SERVER, clients: "192.0.2.0/24" };

const tcp = (session: string) => ({ session, isTcp: true });
const udp = (session: string) => ({ session, isTcp: false });

function setUp() {
  const said: string[] = [];
  const paths = new DirectPaths(({ event, clients }) => said.push(`${event} ${clients ?? "all"}`));
  const fail = (path: typeof HERE, times: number, now: number) => {
    for (let i = 0; i < times; i++) paths.failure(path, { why: "no progress", isTcp: true }, now);
  };
  return { paths, said, fail };
}

Deno.test("a server from which nothing arrives anywhere is unable, with the reason, and tried again with one session", () => {
  const { paths, said, fail } = setUp();
  fail(HERE, 1, 0);
  assert.equal(paths.admit(HERE, tcp("a"), 1), null);
  fail(HERE, 1, 0);
  assert.deepEqual(said, ["path-unable all", "path-unable 198.51.100.0/24"]);
  assert.deepEqual(paths.view(SERVER, 1_000), {
    bypass: "unable",
    reason: "nothing sent directly arrived, 2 times in a row; tried again in 9 s",
  });
  assert.deepEqual(paths.admit(THERE, tcp("b"), 1_000), { failures: 2, retryMs: 9_000 });
  // Clients of another network are the first to try.
  assert.deepEqual(paths.admit(HERE, tcp("a"), 10_000), { failures: 2, retryMs: 5_000 });
  assert.equal(paths.admit(THERE, tcp("b"), 10_000), null);
  assert.deepEqual(paths.admit(THERE, tcp("c"), 10_000), { failures: 2, retryMs: 1_000 });
  paths.success(THERE, 11_000);
  assert.deepEqual(said.slice(2), ["path-tried all", "path-able all"]);
  assert.deepEqual(paths.view(SERVER, 11_000), {
    bypass: "able",
    reason: "not for clients of 198.51.100.0/24: no progress",
  });
});

Deno.test("a server that reaches others is unable only where it does not", () => {
  const { paths, said, fail } = setUp();
  for (let i = 0; i < 2; i++) {
    fail(HERE, 1, i);
    paths.success(THERE, i);
  }
  assert.deepEqual(said, ["path-unable 198.51.100.0/24"]);
  assert.equal(paths.view(SERVER, 3).bypass, "able");
  assert.notEqual(paths.admit(HERE, tcp("a"), 3), null);
  assert.equal(paths.admit(THERE, tcp("b"), 3), null);
  assert.equal(paths.admit({ ...HERE, server: "10.0.0.12" }, tcp("c"), 3), null);
});

Deno.test("clients of one network do not make a server unable that lately reached another", () => {
  const { paths, said, fail } = setUp();
  paths.success(THERE, 0);
  fail(HERE, 5, 10_000);
  assert.deepEqual(said, ["path-unable 198.51.100.0/24"]);
  assert.equal(paths.admit(THERE, tcp("b"), 10_001), null);
  fail(THERE, 1, 20_000);
  assert.deepEqual(said.slice(1), ["path-unable all"]);
  assert.notEqual(paths.admit(THERE, tcp("b"), 20_001), null);
});

Deno.test("they do when that was long ago, or was nowhere else", () => {
  const { paths, said, fail } = setUp();
  paths.success(THERE, 0);
  paths.success(HERE, 500_000);
  fail(HERE, 2, 700_000);
  assert.deepEqual(said, ["path-unable all", "path-unable 198.51.100.0/24"]);
});

Deno.test("a session that waits for the server's trial does not hold the one of its network", () => {
  const { paths, fail } = setUp();
  fail(HERE, 2, 0);
  assert.equal(paths.admit(HERE, tcp("a"), 20_000), null);
  assert.deepEqual(paths.admit(THERE, tcp("b"), 20_000)?.retryMs, 1_000);
  paths.withdraw(HERE, "a");
  assert.equal(paths.admit(HERE, tcp("c"), 20_001), null);
});

Deno.test("quiet is success for a trial, and says nothing of others", () => {
  const { paths, said, fail } = setUp();
  fail(HERE, 2, 0);
  paths.quiet(HERE, "older", 5_000);
  assert.equal(paths.view(SERVER, 5_000).bypass, "unable");
  paths.admit(HERE, tcp("trial"), 20_000);
  paths.quiet(HERE, "trial", 25_000);
  assert.deepEqual(paths.view(SERVER, 25_000), { bypass: "able", reason: null });
  assert.deepEqual(said.slice(-2), ["path-able all", "path-able 198.51.100.0/24"]);
});

Deno.test("UDP does not try a path on which TCP failed, but one on which UDP did", () => {
  const { paths, fail } = setUp();
  fail(HERE, 2, 0);
  assert.deepEqual(paths.admit(HERE, udp("u"), 20_000), { failures: 2, retryMs: 10_000 });
  assert.equal(paths.admit(HERE, tcp("t"), 20_000), null);
  paths.success(HERE, 21_000);
  assert.equal(paths.admit(HERE, udp("u"), 21_001), null);
  for (let i = 0; i < 2; i++) paths.failure(HERE, { why: "ICMP", isTcp: false }, 30_000);
  assert.equal(paths.admit(HERE, udp("u"), 50_000), null);
});

Deno.test("failures that were none are taken back", () => {
  const { paths, said, fail } = setUp();
  fail(HERE, 2, 0);
  paths.retract(HERE, 5_000);
  assert.deepEqual(said.slice(2), ["path-able all", "path-able 198.51.100.0/24"]);
  assert.equal(paths.admit(HERE, tcp("a"), 5_000), null);
});

Deno.test("a server in doubt is tried by TCP first, and is in doubt no more when there is no reason", () => {
  const { paths, said } = setUp();
  paths.doubt(SERVER, 0);
  assert.equal(paths.view(SERVER, 0).bypass, "able", "others say why it is in doubt");
  assert.notEqual(paths.admit(HERE, udp("u"), 0), null);
  assert.equal(paths.admit(HERE, tcp("a"), 0), null);
  assert.deepEqual(paths.admit(HERE, tcp("b"), 0)?.retryMs, 1_000);
  paths.trust((server) => server === SERVER);
  assert.equal(paths.admit(HERE, udp("u"), 0), null);
  assert.deepEqual(said, ["path-tried all"]);
});

Deno.test("an agent that speaks for several servers says which of them is concerned", () => {
  const { paths, fail } = setUp();
  assert.equal(paths.reasonFor([SERVER, "10.0.0.12"], 0), null);
  fail(HERE, 2, 0);
  const reason = "nothing sent directly arrived, 2 times in a row; tried again in 10 s";
  assert.equal(paths.reasonFor([SERVER, "10.0.0.12"], 0), `${SERVER}: ${reason}`);
  assert.equal(paths.reasonFor([SERVER], 0), reason);
});

Deno.test("servers that are no longer configured are forgotten", () => {
  const { paths, fail } = setUp();
  fail(HERE, 2, 0);
  paths.keep((server) => server !== SERVER);
  assert.deepEqual(paths.view(SERVER, 1), { bypass: "able", reason: null });
  assert.equal(paths.admit(HERE, tcp("a"), 1), null);
});

Deno.test("clients are told apart by /24 and /56", () => {
  const of = (text: string) => clientsOf(IpAddress.parse(text));
  assert.equal(of("198.51.100.255"), "198.51.100.0/24");
  assert.equal(of("2001:db8:c:1ff:2::3"), "2001:db8:c:100::/56");
});

Deno.test("between a server and a client both breakers are told, with their networks", () => {
  const { paths, fail } = setUp();
  const doubted = (client: string, now: number) =>
    paths.doubted(IpAddress.parse(SERVER), IpAddress.parse(client), now);
  assert.deepEqual(doubted("198.51.100.7", 0), []);
  fail(HERE, 1, 0);
  assert.deepEqual(doubted("192.0.2.7", 0), [
    { path: "from 10.0.0.11", state: "closed", failures: 1, waitMs: 0 },
  ]);
  fail(HERE, 1, 0);
  assert.deepEqual(doubted("198.51.100.7", 1_000), [
    { path: "from 10.0.0.11", state: "open", failures: 2, waitMs: 9_000 },
    {
      path: "from 10.0.0.11 to 198.51.100.0/24",
      state: "open",
      failures: 2,
      waitMs: 14_000,
    },
  ]);
  assert.equal(doubted("198.51.100.7", 10_000)[0]!.state, "trial");
});
