import assert from "node:assert/strict";
import type { SessionView } from "../session/session_view.ts";
import { Trends } from "./trends.ts";
import { Bench, type SeededSession, seedTable } from "./_test_support.ts";

const SESSIONS: SeededSession[] = [
  { client: "198.51.100.2:40000", bypass: true },
  { client: "198.51.100.9:40001", server: "10.0.0.12:8080", bytes: 5 },
  { client: "198.51.100.11:40002", protocol: "udp", bytes: 7_000_000 },
  { client: "[2001:db8:c::2]:40003", createdMs: 1 },
  { client: "192.0.2.7:40004", vip: "203.0.113.99:443" },
];

async function withSessions(run: (bench: Bench) => Promise<void>): Promise<void> {
  await using bench = await Bench.make();
  await bench.nat({ sessions: seedTable(bench.folder, SESSIONS) });
  await run(bench);
}

/** Of the sessions that are shown, the last octets or groups of the clients. */
async function clients(bench: Bench, options: Parameters<Bench["inspect"]>[1]): Promise<string> {
  const shown = await bench.json<SessionView[]>("sessions", options);
  return shown.map(({ client }) => /([0-9a-f]+)\]?:\d+$/.exec(client)![1]).join(" ");
}

Deno.test("sessions are read out of the mapped table, as the interface says", () =>
  withSessions(async (bench) => {
    const [first, , , fourth] = await bench.json<SessionView[]>("sessions");
    assert.deepEqual(first, {
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
      idleMs: 5000,
      pathMtu: null,
      instruction: { generation: 1, state: "installed", leaseMs: 9000 },
    });
    assert.equal(fourth!.client, "[2001:db8:c::2]:40003");
    assert.equal(fourth!.service, "web6");
    assert.equal(fourth!.instruction, null);
  }));

Deno.test("sessions are filtered by service, server, client and path", () =>
  withSessions(async (bench) => {
    assert.equal(await clients(bench, { service: "web" }), "2 9");
    assert.equal(await clients(bench, { service: "dns" }), "11");
    assert.equal(await clients(bench, { service: "203.0.113.10:80" }), "2 9 11");
    assert.equal(await clients(bench, { service: "203.0.113.99:443" }), "7");
    assert.equal(await clients(bench, { server: "10.0.0.12" }), "9");
    assert.equal(await clients(bench, { server: "10.0.0.12:8081" }), "");
    assert.equal(await clients(bench, { server: ":8080" }), "2 9 11 2 7");
    assert.equal(await clients(bench, { client: "198.51.100.8/29" }), "9 11");
    assert.equal(await clients(bench, { client: "198.51.100.9:40001" }), "9");
    assert.equal(await clients(bench, { client: "::/0" }), "2");
    assert.equal(await clients(bench, { client: "0.0.0.0/0" }), "2 9 11 7");
    assert.equal(await clients(bench, { path: "bypass" }), "2");
    assert.equal(await clients(bench, { path: "nat", service: "web" }), "9");
  }));

Deno.test("sessions are sorted by columns and fields, and limited", () =>
  withSessions(async (bench) => {
    assert.equal(await clients(bench, { sort: "-bytes", limit: 2 }), "11 2");
    assert.equal(await clients(bench, { sort: "bytes", limit: 1 }), "9");
    assert.equal(await clients(bench, { sort: "client" }), "7 2 9 11 2");
    assert.equal(await clients(bench, { sort: "-age", limit: 1 }), "2");
    assert.equal(await clients(bench, { sort: "service,-client" }), "7 11 9 2 2");
    assert.equal(await clients(bench, { sort: "-instruction.leaseMs", limit: 1 }), "2");
    assert.equal(await clients(bench, { limit: 3 }), "2 9 11");
  }));

Deno.test("people see sessions as an aligned table with units", () =>
  withSessions(async (bench) => {
    const { stdout, exit } = await bench.inspect("sessions", { client: "198.51.100.0/24" });
    assert.equal(exit, 0);
    assert.equal(
      stdout,
      `\
ID      SERVICE  CLIENT               NAT            SERVER          STATE        PATH    PACKETS   BYTES  BYPASSED  AGE  IDLE  REASON
0016-1  web      198.51.100.2:40000   10.0.1.1:1024  10.0.0.11:8080  established  bypass      952  1.37MB     1.3MB   5s    5s  bytes 65536 reached
0016-2  web      198.51.100.9:40001   10.0.1.1:1025  10.0.0.12:8080  established  nat          52    805B        0B   5s    5s  start criteria not met
0016-3  dns      198.51.100.11:40002  10.0.1.1:1026  10.0.0.11:8080  established  nat          52     7MB        0B   5s    5s  start criteria not met
`,
    );
  }));

Deno.test("a narrow terminal gets fewer columns, and is told which are missing", () =>
  withSessions(async (bench) => {
    bench.host = { columns: 80 };
    const { stdout } = await bench.inspect("sessions");
    for (const line of stdout.split("\n").slice(0, -2)) {
      assert.ok(line.length <= 80, `${line.length} characters: ${line}`);
    }
    assert.match(stdout, /^ID .* CLIENT .* PATH .* BYTES/);
    assert.match(stdout, /Not shown on a terminal this narrow: .*\bnat\b.*\n$/);
  }));

Deno.test("no session is an empty array, and a heading for people", async () => {
  await using bench = await Bench.make();
  await bench.nat({ sessions: seedTable(bench.folder, []) });
  assert.equal((await bench.inspect("sessions", { json: true })).stdout, "[]\n");
  assert.match((await bench.inspect("sessions")).stdout, /^ID +SERVICE .*REASON\n$/);
});

Deno.test("wrong filters and sort keys are one line and exit 2, a misspelt service too", () =>
  withSessions(async (bench) => {
    const wrong: [Parameters<Bench["inspect"]>[1], RegExp][] = [
      [{ service: "wbe" }, /^There is no service "wbe": did you mean "web"\?\n$/],
      [{ service: "mail" }, /^There is no service "mail": there is web, dns, web6\n$/],
      [{ sort: "size" }, /^Cannot sort by "size": there is id, service, .*\n$/],
      [{ client: "198.51.100.300" }, /^Cannot use --client 198\.51\.100\.300: need ADDRESS.*\n$/],
      [{ client: "198.51.100.2/24" }, /did you mean 198\.51\.100\.0\/24\)\n$/],
      [{ server: "10.0.0.11:http" }, /^Cannot use --server .*\n$/],
    ];
    for (const [options, message] of wrong) {
      const { exit, stdout, stderr } = await bench.inspect("sessions", options);
      assert.match(stderr, message);
      assert.equal(exit, 2);
      assert.equal(stdout, "");
    }
  }));

Deno.test("a table that cannot be read is told with its path", async () => {
  await using bench = await Bench.make();
  const answer = seedTable(bench.folder, []);
  await bench.nat({ sessions: answer });
  Deno.writeFileSync(answer.state, new Uint8Array(8192));
  const damaged = await bench.inspect("sessions", { json: true });
  assert.equal(damaged.exit, 1);
  assert.match(
    damaged.stderr,
    /^Cannot read the sessions in .*nat\.sessions: .*not a session table\n$/,
  );
  Deno.removeSync(answer.state);
  const missing = await bench.inspect("sessions");
  assert.equal(missing.exit, 1);
  assert.match(missing.stderr, /no such file/i);
});

Deno.test("sessions that are watched are chosen, sorted and shown as those that are not", () =>
  withSessions(async (bench) => {
    const watched = async (options: Parameters<Bench["inspect"]>[1]) => {
      const { stdout } = await bench.inspect("sessions", {
        ...options,
        json: true,
        trends: new Trends(),
      });
      return (JSON.parse(stdout) as { rows: (SessionView & { bytesPerSecond: null })[] }).rows;
    };
    for (
      const options of [
        {},
        { sort: "-bytes", limit: 2 },
        { sort: "service,-client" },
        {
          path: "bypass",
        },
        { server: "10.0.0.12" },
        { sort: "-instruction.leaseMs", limit: 1 },
      ] as const
    ) {
      const once = await bench.json<SessionView[]>("sessions", options);
      const again = await watched(options);
      assert.deepEqual(again, once.map((row) => ({ ...row, bytesPerSecond: null })));
    }
    const table = await bench.inspect("sessions", { trends: new Trends(), limit: 1 });
    assert.match(table.stdout, /^ID .* RATE +TREND\n0016-1 +web .* 5s +bytes 65536 reached +-/);
  }));
