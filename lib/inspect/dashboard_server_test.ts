import assert from "node:assert/strict";
import { Bench, seedTable } from "./_test_support.ts";
import { Daemon } from "./daemon.ts";
import { processHost } from "./host.ts";
import { DashboardServer } from "./dashboard/dashboard_server.ts";
import { MOST_VIEWERS } from "./dashboard/limits.ts";

const HOSTILE = `<img src=x onerror=alert(1)>`;

async function withDashboard(
  use: (url: string, bench: Bench) => Promise<void>,
  answers: Record<string, unknown> = {},
): Promise<void> {
  await using bench = await Bench.make();
  const sessions = seedTable(bench.folder, [
    { client: "198.51.100.2:40000" },
    { client: "198.51.100.3:40001", bypass: true },
  ]);
  await bench.nat({
    status: {
      role: "nat",
      version: "1.2.3",
      ready: true,
      uptimeMs: 5000,
      sessions: { total: 2, bypass: 1, capacity: 1000 },
      packets: { received: 1, forwarded: 1, dropped: { malformed: 0, noService: 7 } },
      agents: [{
        name: "s1",
        addresses: ["10.0.0.11"],
        connected: true,
        able: false,
        reason: HOSTILE,
      }],
    },
    servers: [],
    services: [],
    sessions,
    events: [{ time: 1000, type: "agent-refused", reason: HOSTILE }],
    follow: [],
    ...answers,
  });
  const socket = bench.natSocket;
  const daemon = new Daemon(socket, processHost());
  await using server = new DashboardServer({ address: "127.0.0.1", port: 0, daemon, socket });
  await use(`http://127.0.0.1:${server.port}`, bench);
}

/** What the first message of a live feed says. */
async function firstParts(response: Response): Promise<Record<string, string>> {
  const reader = response.body!.getReader();
  let text = "";
  while (!text.includes("\n\n")) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  return JSON.parse(/data: (.*)/.exec(text)![1]!);
}

Deno.test("the page shows the sessions of the mapped table, and loads nothing of strangers", () =>
  withDashboard(async (url) => {
    const response = await fetch(`${url}/`);
    const page = await response.text();
    assert.equal(response.status, 200);
    assert.match(page, /198\.51\.100\.3:40001/);
    assert.match(page, /bytes 65536 reached/);
    assert.match(page, /no service/);
    const policy = response.headers.get("content-security-policy")!;
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.doesNotMatch(page, /https?:\/\/|style="|<script>| on\w+="/);
  }));

Deno.test("what agents say is text, on the page and in the live feed", () =>
  withDashboard(async (url) => {
    const page = await (await fetch(`${url}/`)).text();
    const parts = await firstParts(await fetch(`${url}/live`));
    for (const text of [page, parts["agents"]!]) {
      assert.doesNotMatch(text, /<img/);
      assert.match(text, /&lt;img src=x onerror=alert\(1\)&gt;/);
    }
  }));

Deno.test("GET and HEAD are answered, other methods, names and paths are not", () =>
  withDashboard(async (url) => {
    for (const path of ["/", "/live", "/page.css", "/page.js", "/icon.svg"]) {
      const head = await fetch(url + path, { method: "HEAD" });
      assert.equal(head.status, 200, path);
      assert.equal(await head.text(), "");
    }
    const posted = await fetch(`${url}/`, { method: "POST", body: "x" });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.get("allow"), "GET, HEAD");
    await posted.text();
    const lost = await fetch(`${url}/../etc/passwd`);
    assert.equal(lost.status, 404);
    await lost.text();
    assert.equal(await statusOf(url, "evil.example"), 421);
  }));

/** Of a request for `/` by another name. */
async function statusOf(url: string, host: string): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
  const request = `GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const answer = new Uint8Array(100);
  await connection.read(answer);
  return Number(new TextDecoder().decode(answer).split(" ")[1]);
}

Deno.test("many viewers cost one sample, and one too many is turned away", () =>
  withDashboard(async (url, bench) => {
    const viewers = await Promise.all(
      Array.from({ length: MOST_VIEWERS }, () => fetch(`${url}/live`)),
    );
    const turnedAway = await fetch(`${url}/live`);
    assert.equal(turnedAway.status, 503);
    await turnedAway.text();
    const readers = viewers.map(({ body }) => body!.getReader());
    // Until everybody has seen something that was looked at.
    await Promise.all(readers.map(async (reader) => {
      const decoder = new TextDecoder();
      let seen = "";
      while (!seen.includes("198.51.100.2")) seen += decoder.decode((await reader.read()).value);
    }));
    const asked = bench.asked.filter(({ verb }) => verb === "status").length;
    assert.ok(asked <= 3, `asked ${asked} times`);
    await Promise.all(readers.map((reader) => reader.cancel()));
  }));

Deno.test("an agent's socket and a NAT machine that does not translate are said on the page", () =>
  withDashboard(async (url) => {
    const page = await (await fetch(`${url}/`)).text();
    assert.match(page, /Not seen since [\d:]+<\/span>: an agent answers there/);
  }, { status: { role: "agent" } }));
