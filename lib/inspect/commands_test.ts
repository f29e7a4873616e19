import assert from "node:assert/strict";
import { AdminError } from "../control/admin_protocol.ts";
import { Bench } from "./_test_support.ts";
import { OutputClosed } from "../linux/output_closed.ts";

const SERVICES = [
  {
    name: "web",
    protocol: "tcp",
    vip: "203.0.113.10:80",
    scheduler: "maglev",
    servers: 2,
    up: 1,
    healthReason: "10.0.0.12:8080 down",
    sessions: 12_345,
    bypassing: 3,
    start: "bytes 65536",
    stop: "idle 60000 ms",
  },
  {
    name: "dns",
    protocol: "udp",
    vip: "203.0.113.10:53",
    scheduler: "round-robin",
    servers: 1,
    up: 1,
    sessions: 0,
    bypassing: 0,
    start: "never",
    stop: "",
  },
];

function server(service: string, address: string, rest: Record<string, unknown>) {
  const usual = { weight: 1, health: "up", healthSinceMs: 4_000, draining: false, sessions: 10 };
  return { service, address, ...usual, ...rest };
}

const SERVERS = [
  server("web", "10.0.0.11:8080", {
    healthReason: "connected",
    share: 0.333,
    agent: { connected: true, bypass: "able", reason: null },
  }),
  server("web", "10.0.0.12:8080", {
    health: "down",
    healthReason: "connection refused",
    healthSinceMs: 61_000,
    share: 0,
    agent: { connected: false, bypass: "unknown", reason: null },
  }),
  server("dns", "10.0.0.11:53", {
    share: 1,
    removed: true,
    agent: { connected: true, bypass: "unable", reason: "no route" },
  }),
];

const INSTRUCTION = {
  session: "0016-1",
  generation: 7,
  protocol: "tcp",
  match: { source: "10.0.0.11:8080", destination: "10.0.1.1:1024" },
  rewrite: { source: "203.0.113.10:80", destination: "198.51.100.2:40000" },
  packets: 900,
  bytes: 1_300_000,
  lastUsedMs: 3,
  leaseMs: 10_000,
};
const INSTRUCTIONS = [
  INSTRUCTION,
  {
    ...INSTRUCTION,
    session: "0016-2",
    protocol: "udp",
    match: { source: "10.0.0.11:53", destination: "10.0.1.1:1025" },
    rewrite: { source: "203.0.113.10:53", destination: "198.51.100.3:5000" },
    state: "sent",
    lastUsedMs: null,
  },
];

async function withNat(run: (bench: Bench) => Promise<void>): Promise<void> {
  await using bench = await Bench.make();
  await bench.nat({ services: SERVICES, servers: SERVERS, instructions: INSTRUCTIONS });
  await run(bench);
}

Deno.test("services, servers and instructions reach programs as the daemon gives them", () =>
  withNat(async (bench) => {
    assert.deepEqual(await bench.json("services"), SERVICES);
    assert.deepEqual(await bench.json("servers"), SERVERS);
    assert.deepEqual(await bench.json("instructions"), INSTRUCTIONS);
  }));

Deno.test("people see services, servers and instructions as tables", () =>
  withNat(async (bench) => {
    assert.equal(
      (await bench.inspect("services")).stdout,
      `\
NAME  PROTOCOL  VIP              SCHEDULER    SERVERS  UP  SESSIONS  BYPASSING  HEALTH               START        STOP
web   tcp       203.0.113.10:80  maglev             2   1     12.3k          3  10.0.0.12:8080 down  bytes 65536  idle 60000 ms
dns   udp       203.0.113.10:53  round-robin        1   1         0          0  -                    never
`,
    );
    assert.equal(
      (await bench.inspect("servers")).stdout,
      `\
SERVICE  ADDRESS         WEIGHT  HEALTH  SINCE  SHARE  DRAINING  SESSIONS  AGENT      BYPASS   REASON
web      10.0.0.11:8080       1  up         4s   33 %  no              10  connected  able     -
web      10.0.0.12:8080       1  down     1m1s    0 %  no              10  absent     unknown  connection refused
dns      10.0.0.11:53         1  up         4s  100 %  removed         10  connected  unable   no route
`,
    );
    assert.equal(
      (await bench.inspect("instructions")).stdout,
      `\
SESSION  GENERATION  STATE  PROTOCOL  MATCH                           REWRITE                               PACKETS  BYTES  USED  LEASE
0016-1            7  -      tcp       10.0.0.11:8080 > 10.0.1.1:1024  203.0.113.10:80 > 198.51.100.2:40000      900  1.3MB   3ms    10s
0016-2            7  sent   udp       10.0.0.11:53 > 10.0.1.1:1025    203.0.113.10:53 > 198.51.100.3:5000       900  1.3MB     -    10s
`,
    );
  }));

Deno.test("filters, --sort and --limit apply to services, servers and instructions", () =>
  withNat(async (bench) => {
    const names = async (options: Parameters<Bench["inspect"]>[1]) =>
      (await bench.json<typeof SERVICES>("services", options)).map((row) => row.name).join(" ");
    assert.equal(await names({ service: "dns" }), "dns");
    assert.equal(await names({ service: "203.0.113.10:80" }), "web");
    assert.equal(await names({ server: "10.0.0.12" }), "web");
    assert.equal(await names({ server: "10.0.0.0/24" }), "web dns");
    assert.equal(await names({ sort: "sessions", limit: 1 }), "dns");

    const addresses = async (options: Parameters<Bench["inspect"]>[1]) =>
      (await bench.json<typeof SERVERS>("servers", options)).map((row) => row.address).join(" ");
    assert.equal(await addresses({ service: "web" }), "10.0.0.11:8080 10.0.0.12:8080");
    assert.equal(await addresses({ server: "10.0.0.11" }), "10.0.0.11:8080 10.0.0.11:53");
    assert.equal(await addresses({ server: ":53" }), "10.0.0.11:53");
    assert.equal(await addresses({ sort: "-address", limit: 1 }), "10.0.0.12:8080");

    const sessions = async (options: Parameters<Bench["inspect"]>[1]) =>
      (await bench.json<typeof INSTRUCTIONS>("instructions", options)).map((row) => row.session)
        .join(" ");
    assert.equal(await sessions({ service: "web" }), "0016-1");
    assert.equal(await sessions({ service: "203.0.113.10:53" }), "0016-2");
    assert.equal(await sessions({ server: "10.0.0.11:53" }), "0016-2");
    assert.equal(await sessions({ client: "198.51.100.2" }), "0016-1");
    assert.equal(await sessions({ path: "bypass" }), "0016-1");
    assert.equal(await sessions({ path: "nat" }), "0016-2");
    assert.equal(await sessions({ sort: "client", limit: 1 }), "0016-1");
    assert.equal(await sessions({ sort: "-session" }), "0016-2 0016-1");
  }));

Deno.test("an agent shows its instructions, and services by their VIP", async () => {
  await using bench = await Bench.make();
  await bench.agent({ instructions: INSTRUCTIONS });
  assert.deepEqual(await bench.json("instructions"), INSTRUCTIONS);
  const byVip = await bench.json<unknown[]>("instructions", { service: "203.0.113.10:80" });
  assert.deepEqual(byVip, [INSTRUCTION]);
  const byName = await bench.inspect("instructions", { service: "web" });
  assert.equal(byName.exit, 2);
  assert.equal(
    byName.stderr,
    'An agent knows no services by name: give the VIP of "web", ' +
      "such as --service 203.0.113.10:80\n",
  );
  const servers = await bench.inspect("servers");
  assert.deepEqual(servers, { exit: 2, stdout: "", stderr: "An agent has no servers\n" });
});

Deno.test("wrong usage is told even where nothing runs", async () => {
  await using bench = await Bench.make();
  assert.equal((await bench.inspect("servers", { sort: "x" })).exit, 2);
  assert.equal((await bench.inspect("servers", { server: "x" })).exit, 2);
  assert.equal((await bench.inspect("explain", { packet: "x" })).exit, 2);
  assert.equal((await bench.inspect("servers")).exit, 1);
});

const EXPLANATION = {
  steps: [
    { step: "service", result: "web", detail: "203.0.113.10:80 tcp" },
    { step: "session", result: "found", detail: "0016-1" },
  ],
  verdict: "Translated to 10.0.1.1:1024 > 10.0.0.11:8080; its responses bypass",
  session: {
    id: "0016-1",
    service: "web",
    protocol: "tcp",
    client: "198.51.100.2:40000",
    vip: "203.0.113.10:80",
    nat: "10.0.1.1:1024",
    server: "10.0.0.11:8080",
    state: "established",
    path: "bypass",
    reason: "bytes 65536 reached",
    packets: { fromClient: 12, viaNat: 40, viaBypass: 900 },
    bytes: { fromClient: 800, viaNat: 66_000, viaBypass: 1_300_000 },
    ageMs: 5000,
    idleMs: 3,
    instruction: { generation: 7, state: "installed", leaseMs: 10_000 },
  },
};

Deno.test("explain asks for the packet, and shows numbered steps, the verdict, the session", async () => {
  await using bench = await Bench.make();
  await bench.nat({ explain: EXPLANATION });
  const packet = "tcp 198.51.100.2:40000 > 203.0.113.10:80";
  assert.equal(
    (await bench.inspect("explain", { packet })).stdout,
    `\
tcp 198.51.100.2:40000 > 203.0.113.10:80

1.  service  web    203.0.113.10:80 tcp
2.  session  found  0016-1

Translated to 10.0.1.1:1024 > 10.0.0.11:8080; its responses bypass

session      0016-1 of web, tcp established
endpoints    client 198.51.100.2:40000, vip 203.0.113.10:80, nat 10.0.1.1:1024, server 10.0.0.11:8080
path         bypass: bytes 65536 reached
from client  12 packets, 800B
via NAT      40 packets, 66kB
via bypass   900 packets, 1.3MB
age, idle    5s, 3ms
instruction  generation 7 installed, lease 10s
`,
  );
  assert.deepEqual(await bench.json("explain", { packet }), EXPLANATION);
  assert.deepEqual(bench.asked[0], {
    verb: "explain",
    packet: { protocol: "tcp", source: "198.51.100.2:40000", destination: "203.0.113.10:80" },
  });
});

Deno.test("explain says in the heading's words what is wrong with a packet", async () => {
  await using bench = await Bench.make();
  const { exit, stderr } = await bench.inspect("explain", { packet: "tcp 1.2.3.4 > 5.6.7.8:80" });
  assert.equal(exit, 2);
  assert.equal(
    stderr,
    'Cannot read "tcp 1.2.3.4 > 5.6.7.8:80" as a packet: its source "1.2.3.4" is no endpoint, ' +
      "need ADDRESS:PORT, port up to 65535\n",
  );
});

Deno.test("verbs tell the NAT machine what the operator wants, and print what came of it", async () => {
  await using bench = await Bench.make();
  const done = (request: unknown) => ({ message: `Done: ${JSON.stringify(request)}` });
  await bench.nat({ reload: done, bypass: done, drain: done, undrain: done });
  const asked = async (options: Parameters<Bench["verb"]>[0]) => {
    assert.equal((await bench.verb(options)).exit, 0);
    return bench.asked.at(-1);
  };
  assert.deepEqual(await asked({ verb: "reload" }), { verb: "reload" });
  assert.deepEqual(await asked({ verb: "bypass stop", target: { kind: "all" } }), {
    verb: "bypass",
    action: "stop",
    all: true,
  });
  for (const kind of ["session", "server", "service"] as const) {
    assert.deepEqual(await asked({ verb: "bypass start", target: { kind, name: "x" } }), {
      verb: "bypass",
      action: "start",
      [kind]: "x",
    });
  }
  const target = { kind: "server", name: "10.0.0.11:8080" } as const;
  assert.deepEqual(await asked({ verb: "drain", target }), {
    verb: "drain",
    server: "10.0.0.11:8080",
  });
  assert.equal((await bench.verb({ verb: "undrain", target })).stdout.slice(0, 6), "Done: ");
  const json = await bench.verb({ verb: "reload", json: true });
  assert.deepEqual(JSON.parse(json.stdout), { message: 'Done: {"verb":"reload"}' });
});

Deno.test("a verb that fails is one line and the exit status that the NAT machine gives", async () => {
  await using bench = await Bench.make();
  const nothing = await bench.verb({ verb: "reload" });
  assert.equal(nothing.exit, 1);
  assert.match(nothing.stderr, /^Cannot reach .*nat\.sock: nothing runs there\n$/);
  await bench.nat({
    bypass: () => {
      throw new AdminError("Cannot stop the bypass: s1 did not acknowledge\nin time", 1);
    },
    drain: () => {
      throw new AdminError("There is no server 10.0.0.99", 2);
    },
  });
  assert.deepEqual(await bench.verb({ verb: "bypass stop", target: { kind: "all" } }), {
    exit: 1,
    stdout: "",
    stderr: "Cannot stop the bypass: s1 did not acknowledge in time\n",
  });
  const drain = await bench.verb({ verb: "drain", target: { kind: "server", name: "10.0.0.99" } });
  assert.equal(drain.exit, 2);
});

Deno.test("a reader that has seen enough is no failure", () =>
  withNat(async (bench) => {
    bench.host = { write: () => Promise.reject(new OutputClosed()) };
    const { exit, stderr } = await bench.inspect("servers");
    assert.equal(exit, 0);
    assert.equal(stderr, "");
  }));
