import assert from "node:assert/strict";
import { Bench } from "./_test_support.ts";

const NAT = {
  role: "nat",
  version: "0.1.0",
  ready: true,
  uptimeMs: 11_520_000,
  interfaces: ["eth0", "eth1"],
  hostShield: true,
  services: 2,
  sessions: { total: 3, bypass: 1, capacity: 1_048_576 },
  packets: {
    received: 1_234_567,
    forwarded: 1_234_560,
    dropped: { malformed: 3, noService: 4, noServer: 0, noPort: 0, tableFull: 0 },
  },
  bytes: { received: 1_300_000_000, forwarded: 1_290_000_000 },
  malformed: { badChecksum: 2, tooShort: 1, portZero: 0 },
  agents: [{
    name: "s1",
    addresses: ["10.0.0.11"],
    connected: true,
    able: false,
    reason: "rp_filter is 1",
    lastReportMs: 300,
  }],
  instructions: 1,
  worker: { busyMs: 60_000, sendsBy: "io_uring" },
};

const AGENT = {
  role: "agent",
  version: "0.1.0",
  ready: true,
  uptimeMs: 1000,
  nat: [{ address: "10.0.0.1:7400", connected: false, name: null, reason: "connection refused" }],
  bypass: { able: true, reason: null },
  instructions: 7,
  packets: { received: 10, direct: 6, viaNat: 4, dropped: { noRoute: 0 } },
};

/** Each answer one second and 1000 packets, 1.25 MB after the one before. */
function moving(): () => unknown {
  let asked = 0;
  return () => {
    const n = asked++;
    const packets = { ...NAT.packets, received: NAT.packets.received + 1000 * n };
    const bytes = { ...NAT.bytes, forwarded: NAT.bytes.forwarded + 1_250_000 * n };
    const worker = { ...NAT.worker, busyMs: NAT.worker.busyMs + 125 * n };
    return { ...NAT, uptimeMs: NAT.uptimeMs + 1000 * n, packets, bytes, worker };
  };
}

Deno.test("people see the state of a NAT machine on one screen, with rates", async () => {
  await using bench = await Bench.make();
  await bench.nat({ status: moving() });
  const { exit, stdout } = await bench.inspect("status");
  assert.equal(exit, 0);
  assert.equal(
    stdout,
    `\
bypath 0.1.0, NAT machine: ready, up 3h12m

interfaces     eth0, eth1
host shield    stands
services       2
sessions       3 of 1,048,576: 2 via NAT, 1 bypass
instructions   1
packet thread  13 % busy
sends by       io_uring

AGENT  ADDRESSES  CONNECTED  BYPASS     REPORT  REASON
s1     10.0.0.11  yes        unable  300ms ago  rp_filter is 1

COUNTER                TOTAL      RATE
packets received   1,235,567    1000/s
packets forwarded  1,234,560       0/s
packets dropped            7       0/s
bytes received         1.3GB    0bit/s
bytes forwarded       1.29GB  10Mbit/s

DROPPED BECAUSE  PACKETS
noService              4
malformed              3
  badChecksum          2
  tooShort             1
`,
  );
});

Deno.test("people see the state of an agent, and why a NAT machine is not connected", async () => {
  await using bench = await Bench.make();
  await bench.agent({ status: AGENT });
  const { exit, stdout } = await bench.inspect("status");
  assert.equal(exit, 0);
  assert.equal(
    stdout,
    `\
bypath 0.1.0, agent: ready, up 1s

bypass        able
instructions  7

NAT MACHINE    NAME  CONNECTED  REASON
10.0.0.1:7400  -     no         connection refused

COUNTER           TOTAL  RATE
packets received     10     -
packets direct        6     -
packets via NAT       4     -
packets dropped       0     -
`,
  );
});

Deno.test("people see what keeps an agent from bypassing, in one family or in both", async () => {
  for (
    const [able, line] of [
      [true, "able in one family; rp_filter is strict on eth0"],
      [false, "unable: rp_filter is strict on eth0"],
    ] as const
  ) {
    await using bench = await Bench.make();
    const bypass = { able, reason: "rp_filter is strict on eth0" };
    await bench.agent({ status: () => ({ ...AGENT, bypass }) });
    assert.ok((await bench.inspect("status")).stdout.includes(line));
  }
});

Deno.test("programs get the status as the daemon gives it, asked once", async () => {
  await using bench = await Bench.make();
  await bench.nat({ status: NAT });
  const { exit, stdout } = await bench.inspect("status", { json: true });
  assert.equal(exit, 0);
  assert.deepEqual(JSON.parse(stdout), NAT);
  assert.equal(bench.asked.length, 1);
});

Deno.test("status exits 1 until the daemon is ready, and when nothing runs", async () => {
  await using bench = await Bench.make();
  const nothing = await bench.inspect("status", { json: true });
  assert.equal(nothing.exit, 1);
  assert.equal(nothing.stdout, "");
  assert.equal(
    nothing.stderr,
    `Cannot reach a NAT machine or an agent: nothing runs at ${bench.natSocket} or ` +
      `${bench.agentSocket}, give --socket PATH\n`,
  );
  await bench.nat({ status: { ...NAT, ready: false } });
  const json = await bench.inspect("status", { json: true });
  assert.equal(json.exit, 1);
  assert.equal(JSON.parse(json.stdout).ready, false);
  const text = await bench.inspect("status");
  assert.equal(text.exit, 1);
  assert.match(text.stdout, /^bypath 0\.1\.0, NAT machine: not ready, up/);
});

Deno.test("the NAT machine is asked before the agent, --socket before both", async () => {
  await using bench = await Bench.make();
  await bench.agent({ status: AGENT });
  assert.equal((await bench.json<typeof AGENT>("status")).role, "agent");
  await bench.nat({ status: NAT });
  assert.equal((await bench.json<typeof NAT>("status")).role, "nat");
  const chosen = await bench.json<typeof AGENT>("status", { socket: bench.agentSocket });
  assert.equal(chosen.role, "agent");
  const elsewhere = await bench.inspect("status", { socket: `${bench.folder}/no.sock` });
  assert.equal(elsewhere.exit, 1);
  assert.match(elsewhere.stderr, /^Cannot reach .*no\.sock: nothing runs there\n$/);
});

Deno.test("a daemon that hangs is told after a while", async () => {
  await using bench = await Bench.make();
  bench.host = { answerMs: 50 };
  await bench.nat({ status: () => new Promise(() => {}) });
  const { exit, stderr } = await bench.inspect("status");
  assert.equal(exit, 1);
  assert.match(stderr, /^No answer from .*nat\.sock within 50 ms: the daemon hangs\n$/);
});
